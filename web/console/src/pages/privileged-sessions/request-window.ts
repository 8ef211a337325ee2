/** The window of a request while it is being written. */
import { texts } from "../../texts";
import { fromLocalInput, HOUR, MINUTE, toLocalInput } from "../../ui/time";

export const DURATIONS_MS = [30 * MINUTE, HOUR, 4 * HOUR, 8 * HOUR] as const;
/** Longest time from start to end. */
export const WINDOW_MAX_MS = 24 * HOUR;

export interface WindowFields {
  start: "now" | "at";
  /** As the field holds it: local time. */
  starts_at: string;
  /** One of the durations, or null when the end is given. */
  duration_ms: number | null;
  ends_at: string;
}

export const freshWindow = (now: Date): WindowFields => {
  const hour = new Date(Math.ceil((now.getTime() + 5 * MINUTE) / HOUR) * HOUR);
  return { start: "now", starts_at: toLocalInput(hour), duration_ms: HOUR, ends_at: toLocalInput(new Date(hour.getTime() + HOUR)) };
};

export const windowOf = (from: Date, to: Date): WindowFields => ({
  start: "at",
  starts_at: toLocalInput(from),
  duration_ms: DURATIONS_MS.find((length) => length === to.getTime() - from.getTime()) ?? null,
  ends_at: toLocalInput(to),
});

/** From when until when, or null while a field is unreadable. */
export const resolve = (fields: WindowFields, now: Date): { from: Date; to: Date } | null => {
  const from = fields.start === "now" ? now : fromLocalInput(fields.starts_at);
  if (from === null) return null;
  const to = fields.duration_ms === null ? fromLocalInput(fields.ends_at) : new Date(from.getTime() + fields.duration_ms);
  return to === null ? null : { from, to };
};

/** What is wrong with it, by field; the server says the same, later. */
export const windowErrors = (fields: WindowFields, now: Date): Record<string, string> => {
  const window = resolve(fields, now);
  if (window === null) return { ends_at: texts.new.endFirst };
  if (window.to <= window.from) return { ends_at: texts.new.endFirst };
  if (window.to <= now) return { ends_at: texts.new.endPast };
  if (window.to.getTime() - window.from.getTime() > WINDOW_MAX_MS) return { ends_at: texts.new.tooLong };
  return {};
};
