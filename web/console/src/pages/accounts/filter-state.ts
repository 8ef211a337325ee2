/** The filters of the accounts, as they stand in the address and as the API takes them. */
import type { Query } from "../../api/client";
import type { AccountState } from "../../api/types";

export const STATES: readonly AccountState[] = ["enabled", "disabled", "absent"];
/** What is set or not: `yes` in the address. */
export const FLAGS = ["privileged", "drifted"] as const;
export type Flag = (typeof FLAGS)[number];

const NAMES = ["directory_id", "state", "user_id", "q", ...FLAGS] as const;

export const NO_FILTERS: Record<string, null> = Object.fromEntries([...NAMES, "after"].map((name) => [name, null]));

export const isFiltered = (params: URLSearchParams): boolean => NAMES.some((name) => params.has(name));

export const flagsOf = (params: URLSearchParams): Flag[] => FLAGS.filter((flag) => params.get(flag) === "yes");

export const filtersOf = (params: URLSearchParams): Query => {
  const state = STATES.find((one) => one === params.get("state"));
  return {
    directory_id: params.get("directory_id"),
    user_id: params.get("user_id"),
    q: params.get("q"),
    state,
    ...Object.fromEntries(flagsOf(params).map((flag) => [flag, true])),
  };
};
