/** Intervals of exports are whole days and weeks in UTC, so they are said in days. */
import { DAY } from "../../ui/time";

const text = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

/** `21 Nov 2026`, or `16 Nov 2026 – 22 Nov 2026` with its last day. */
export const intervalText = (start: string, end: string): string => {
  const first = text.format(new Date(start));
  const last = text.format(new Date(Math.max(new Date(start).getTime(), new Date(end).getTime() - DAY)));
  return first === last ? first : `${first} – ${last}`;
};
