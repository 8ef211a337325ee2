/** The filters of the trail and of the access records, as they stand in the address and as the API takes them. */
import type { Query } from "../../api/client";
import { hasPeriod, NO_PERIOD, type Period, periodOf, periodQuery } from "../../components/period";
import { ACCESS_ACTIONS } from "./actions";

export type View = "access" | "trail";

const NAMES = ["action", "user_id", "target_id", "privileged_session_id", "sign_in_id"] as const;

export const NO_FILTERS: Record<string, null> = { ...Object.fromEntries([...NAMES, "after"].map((name) => [name, null])), ...NO_PERIOD };

export const isFiltered = (params: URLSearchParams): boolean => hasPeriod(params) || NAMES.some((name) => params.has(name));

export const viewOf = (params: URLSearchParams): View => (params.get("view") === "access" ? "access" : "trail");

/** Null: any time. The trail is asked about sessions of long ago as often as about today. */
export const timeOf = (params: URLSearchParams, now: Date): Period | null => (hasPeriod(params) ? periodOf(params, now) : null);

/** What the address asks, without the page of the list. */
export const filtersOf = (params: URLSearchParams, time: Period | null): Query => {
  const action = params.get("action");
  return {
    action: action === null ? (viewOf(params) === "access" ? ACCESS_ACTIONS : []) : [action],
    user_id: params.get("user_id"),
    target_id: params.get("target_id"),
    privileged_session_id: params.get("privileged_session_id"),
    sign_in_id: params.get("sign_in_id"),
    ...(time === null ? {} : periodQuery(time)),
  };
};
