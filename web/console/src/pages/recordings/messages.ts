/** What the console and the replay frame say to each other. Times are milliseconds since the recording's beginning. */

export type Ask =
  | { type: "load"; events: unknown[]; start: number; offset_ms: number }
  | { type: "append"; events: unknown[] }
  | { type: "play"; offset_ms?: number }
  | { type: "pause" }
  | { type: "seek"; offset_ms: number }
  | { type: "speed"; speed: number }
  | { type: "skip_idle"; on: boolean }
  | { type: "outline"; node: number | null };

export type Tell =
  | { type: "ready" }
  | { type: "state"; state: "empty" | "playing" | "paused" | "ended"; duration_ms: number }
  | { type: "time"; offset_ms: number }
  | { type: "end" }
  | { type: "size"; width: number; height: number }
  | { type: "error"; what: string; detail: string };

const TYPES: readonly string[] = ["ready", "state", "time", "end", "size", "error"];

/** The frame shows hostile input: what it says is looked at before it is believed. */
export const parseTell = (data: unknown): Tell | null => {
  if (typeof data !== "object" || data === null) return null;
  const { type, offset_ms } = data as { type?: unknown; offset_ms?: unknown };
  if (typeof type !== "string" || !TYPES.includes(type)) return null;
  if (type === "time" && !(typeof offset_ms === "number" && Number.isFinite(offset_ms))) return null;
  return data as Tell;
};
