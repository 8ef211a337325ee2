/** An event's details as people read them: what changed, with old and new side by side, and the rest. */
import type { AuditEvent } from "../../api/types";

export interface Changed {
  name: string;
  old: unknown;
  now: unknown;
}

export interface Told {
  changes: Changed[];
  rest: [string, unknown][];
}

/** The trail writes a change as `old_NAME` and `new_NAME`. */
export const toldBy = (details: AuditEvent["details"]): Told => {
  const changes: Changed[] = [];
  const rest: [string, unknown][] = [];
  for (const [name, value] of Object.entries(details)) {
    if (name.startsWith("new_") && `old_${name.slice(4)}` in details) continue;
    const what = name.slice(4);
    if (name.startsWith("old_") && `new_${what}` in details) changes.push({ name: what, old: value, now: details[`new_${what}`] });
    else rest.push([name, value]);
  }
  return { changes, rest };
};

/** `client_address` is *client address*; the source's own names have no underscores and stay. */
export const nameText = (name: string): string => name.replaceAll("_", " ");

export const valueText = (value: unknown, words: { yes: string; no: string; nothing: string }): string => {
  if (value === null || value === undefined || value === "") return words.nothing;
  if (typeof value === "boolean") return value ? words.yes : words.no;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
};

/** Ids and hashes as elsewhere: their ends; the whole is in the detail. */
export const shortened = (value: string): string => value.replace(/\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{6}([0-9a-f]{6})\b/g, "…$1").replace(/\b([0-9a-f]{8})[0-9a-f]{56}\b/g, "$1…");

/** What was accessed, as an access record names it: the console, or a target by its id with its host beside it. */
export const accessedPlace = ({ details }: Pick<AuditEvent, "details">, targets: ReadonlyMap<string, string>, itself: string): string => {
  const place = typeof details["place"] === "string" ? details["place"] : "";
  const target = typeof details["target_id"] === "string" ? details["target_id"] : null;
  return target === null ? (place === "console" ? itself : place) : (targets.get(target) ?? place);
};
