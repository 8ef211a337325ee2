import { describe, expect, test } from "vitest";

import { endAfter, endProblem, latestEnd } from "../src/pages/privileged-sessions/end-time";

const session = { starts_at: "2026-11-20T08:00:00Z", ends_at: "2026-11-20T10:00:00Z" };
const now = new Date("2026-11-20T09:30:00Z");
const at = (text: string): Date => new Date(`2026-11-${text}:00Z`);

describe("a running session's other end", () => {
  test("more time counts from the end that stands, up to 24 hours from the start", () => {
    expect(endAfter(session, "Extend", 60, now)).toEqual(at("20T11:00"));
    expect(latestEnd(session)).toEqual(at("21T08:00"));
    expect(endAfter({ ...session, ends_at: "2026-11-21T07:30:00Z" }, "Extend", 60, now)).toBeNull();
    expect(endProblem(session, "Extend", at("21T08:00"), now)).toBeNull();
    for (const end of [null, at("20T10:00"), at("20T09:45"), at("21T08:01")]) expect(endProblem(session, "Extend", end, now)).toMatch(/\.$/);
  });

  test("an earlier end counts from now, and lies before the one that stands", () => {
    expect(endAfter(session, "Shorten", 15, now)).toEqual(at("20T09:45"));
    expect(endAfter(session, "Shorten", 30, now)).toBeNull();
    for (const end of [null, at("20T09:30"), at("20T09:00"), at("20T10:00")]) expect(endProblem(session, "Shorten", end, now)).toMatch(/\.$/);
  });
});
