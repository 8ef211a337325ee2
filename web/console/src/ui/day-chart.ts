/** From counts per day to bars and an axis that can be read. */
import { DAY } from "./time";

export interface DayCount {
  /** `2026-11-21`. */
  day: string;
  count: number;
  people: number;
}

export interface Bar {
  /** The first day and the last. */
  from: string;
  to: string;
  count: number;
  /** Null for several days: the same people may have come on each. */
  people: number | null;
}

export type Unit = "day" | "week" | "month";

/** More bars than this are too thin to read: then a bar is a week, then a month. */
export const BARS_MAX = 95;
/** As many lines as the axis has at least above zero. */
const TICKS_MIN = 3;
const WEEK_DAYS = 7;

const noon = (day: string): number => Date.parse(`${day}T12:00:00Z`);
const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

export const dayAfter = (day: string, days: number): string => dayOf(noon(day) + days * DAY);

/** How long a bar is for a time of so many days. */
export const unitFor = (days: number): Unit => (days <= BARS_MAX ? "day" : days <= BARS_MAX * WEEK_DAYS ? "week" : "month");

/** The first day of the bar that a day belongs to; weeks are counted from the first day of all. */
const startOfBar = (day: string, first: string, unit: Unit): string => {
  if (unit === "day") return day;
  if (unit === "month") return `${day.slice(0, 8)}01`;
  return dayAfter(first, Math.floor((noon(day) - noon(first)) / DAY / WEEK_DAYS) * WEEK_DAYS);
};

/** A bar for every day, week or month from the first day to the last, also where nothing happened. */
export const barsOf = (counts: readonly DayCount[], first: string, last: string): { unit: Unit; bars: Bar[] } => {
  const days = Math.max(1, Math.round((noon(last) - noon(first)) / DAY) + 1);
  const unit = unitFor(days);
  const byDay = new Map(counts.map((one) => [one.day, one]));
  const bars: Bar[] = [];
  for (let index = 0; index < days; index += 1) {
    const day = dayAfter(first, index);
    const found = byDay.get(day);
    const current = bars.at(-1);
    if (current !== undefined && startOfBar(day, first, unit) === startOfBar(current.from, first, unit)) {
      current.to = day;
      current.count += found?.count ?? 0;
      current.people = null;
    } else bars.push({ from: day, to: day, count: found?.count ?? 0, people: found?.people ?? 0 });
  }
  return { unit, bars };
};

/** The lines of the axis from zero up to at least the highest count: whole numbers in steps of 1, 2 or 5. */
export const ticksFor = (highest: number): number[] => {
  const rough = Math.max(1, highest / TICKS_MIN);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? rough;
  const lines = Math.max(1, Math.ceil(highest / step));
  return Array.from({ length: lines + 1 }, (_line, index) => index * step);
};

/** Which bars carry a label under the axis: evenly spread, the first among them. */
export const labelled = (bars: number, labels: number): number[] => {
  const step = Math.max(1, Math.ceil(bars / labels));
  return Array.from({ length: Math.ceil(bars / step) }, (_label, index) => index * step);
};
