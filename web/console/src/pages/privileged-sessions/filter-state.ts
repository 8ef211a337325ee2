/** The filters of the list, as they stand in the address and as the API takes them. */
import type { Query } from "../../api/client";
import { DAY, startOfDay } from "../../ui/time";

export type TimeRange = "any" | "today" | "week" | "month";

const NAMES = ["status", "account_id", "user_id", "target_id", "time", "q"] as const;

export const NO_FILTERS: Record<string, null> = Object.fromEntries([...NAMES, "after"].map((name) => [name, null]));

export const isFiltered = (params: URLSearchParams): boolean => NAMES.some((name) => params.has(name));

/** Days before and after today that a range covers. */
const RANGES: Record<Exclude<TimeRange, "any">, [number, number]> = { today: [0, 1], week: [-3, 4], month: [-15, 15] };

export const filtersOf = (params: URLSearchParams): Query => {
  const time = params.get("time");
  const range = time === "today" || time === "week" || time === "month" ? RANGES[time] : undefined;
  // The day and not the moment: the same address asks the same all day.
  const today = startOfDay(new Date()).getTime();
  return {
    status: params.getAll("status"),
    account_id: params.get("account_id"),
    user_id: params.get("user_id"),
    target_id: params.get("target_id"),
    q: params.get("q"),
    ...(range ? { from: new Date(today + range[0] * DAY).toISOString(), to: new Date(today + range[1] * DAY).toISOString() } : {}),
  };
};
