/**
 * What the console and the replay frame say to each other. Times are milliseconds: `start` and the events' timestamps
 * since 1970, every `offset_ms` since `start`.
 */
import type { eventWithTime } from "@rrweb/types";

export type Ask =
  | { type: "load"; events: eventWithTime[]; start?: number; offset_ms?: number; live?: boolean }
  | { type: "append"; events: eventWithTime[] }
  | { type: "play"; offset_ms?: number }
  | { type: "pause" }
  | { type: "seek"; offset_ms: number }
  | { type: "speed"; speed: number }
  | { type: "skip_idle"; on: boolean }
  | { type: "outline"; node: number | null };

export type State = "empty" | "playing" | "paused" | "ended";

export type Tell =
  | { type: "ready" }
  | { type: "state"; state: State; duration_ms: number }
  | { type: "time"; offset_ms: number }
  | { type: "end" }
  | { type: "size"; width: number; height: number }
  | { type: "error"; what: "bad_message" | "no_events" | "replay_failed"; detail: string };

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

const isEvents = (value: unknown): value is eventWithTime[] =>
  Array.isArray(value) &&
  value.every((event: unknown) => {
    const { type, timestamp } = (event ?? {}) as Record<string, unknown>;
    return isNumber(type) && isNumber(timestamp);
  });

const isOptionalNumber = (value: unknown): boolean => value === undefined || isNumber(value);

/** A message that can be acted on, or null. */
export const parseAsk = (data: unknown): Ask | null => {
  if (typeof data !== "object" || data === null) return null;
  const ask = data as Record<string, unknown>;
  const good =
    ask["type"] === "load" ? isEvents(ask["events"]) && isOptionalNumber(ask["start"]) && isOptionalNumber(ask["offset_ms"])
    : ask["type"] === "append" ? isEvents(ask["events"])
    : ask["type"] === "play" ? isOptionalNumber(ask["offset_ms"])
    : ask["type"] === "seek" ? isNumber(ask["offset_ms"])
    : ask["type"] === "speed" ? isNumber(ask["speed"]) && ask["speed"] > 0
    : ask["type"] === "skip_idle" ? typeof ask["on"] === "boolean"
    : ask["type"] === "outline" ? ask["node"] === null || isNumber(ask["node"])
    : ask["type"] === "pause";
  return good ? (data as Ask) : null;
};
