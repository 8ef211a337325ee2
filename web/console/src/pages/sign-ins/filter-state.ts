/** The filters of User Login Events, as they stand in the address and as the API takes them. */
import type { Query } from "../../api/client";
import { type Period, periodQuery } from "../../components/period";

const NAMES = ["user_name", "user_id", "channel", "target_id", "client_address", "kind"] as const;
const CHANNELS: readonly string[] = ["web", "web_services"];
const KINDS: readonly string[] = ["console", "target"];

export const NO_FILTERS: Record<string, null> = Object.fromEntries([...NAMES, "after"].map((name) => [name, null]));

export const isFiltered = (params: URLSearchParams): boolean => NAMES.some((name) => params.has(name));

const known = (word: string | null, words: readonly string[]): string | null => (word !== null && words.includes(word) ? word : null);

/** What the address asks, without the page of the list. */
export const filtersOf = (params: URLSearchParams, period: Period): Query => ({
  ...periodQuery(period),
  user_name: params.get("user_name"),
  user_id: params.get("user_id"),
  channel: known(params.get("channel"), CHANNELS),
  target_id: params.get("target_id"),
  client_address: params.get("client_address"),
  kind: known(params.get("kind"), KINDS),
});
