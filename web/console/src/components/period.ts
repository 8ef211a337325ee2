/** The time that a list is about, as it stands in the address: an end (now), and a start that is preset before it. */
import { DAY } from "../ui/time";

/** Without a start, this many days before the end. */
export const PRESET_DAYS = 7;
/** Lengths that are one click away, in days. */
export const LENGTHS: readonly number[] = [1, 7, 30, 90, 365];

/** What belongs to the period in the address. */
const NAMES = ["start", "end", "days"] as const;

/** The address without a time of its own. */
export const NO_PERIOD: Record<string, null> = Object.fromEntries(NAMES.map((name) => [name, null]));

export const hasPeriod = (params: URLSearchParams): boolean => NAMES.some((name) => params.has(name));

export interface Period {
  start: Date;
  /** Null: now, so that the list goes on growing. */
  end: Date | null;
  /** The end, or the moment that was *now* when the page was opened. */
  until: Date;
  /** Its length in days when it is one of those that are offered and ends where it says. */
  days: number | null;
  /** The end lies before the start: there is nothing to ask the server. */
  backwards: boolean;
}

const instantOf = (text: string | null): Date | null => {
  const at = new Date(text ?? "");
  return Number.isNaN(at.getTime()) ? null : at;
};

/** `now` is the moment when the page was opened: the same address then asks the same until it is left. */
export const periodOf = (params: URLSearchParams, now: Date): Period => {
  const end = instantOf(params.get("end"));
  const until = end ?? now;
  const start = instantOf(params.get("start"));
  if (start !== null) return { start, end, until, days: null, backwards: start.getTime() >= until.getTime() };
  const asked = Number(params.get("days"));
  const days = LENGTHS.includes(asked) ? asked : PRESET_DAYS;
  return { start: new Date(until.getTime() - days * DAY), end, until, days, backwards: false };
};

/** As the API takes it; an open end is left out, so that the server's own *now* counts. */
export const periodQuery = ({ start, end }: Period): { start: string; end: string | null } => ({ start: start.toISOString(), end: end?.toISOString() ?? null });
