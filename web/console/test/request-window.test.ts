import { expect, test } from "vitest";

import { freshWindow, resolve, windowErrors, windowOf } from "../src/pages/privileged-sessions/request-window";
import { HOUR, MINUTE } from "../src/ui/time";

const now = new Date("2026-11-20T08:00:00Z");
const later = (ms: number): Date => new Date(now.getTime() + ms);

test("a fresh request begins now and lasts an hour", () => {
  const window = resolve(freshWindow(now), now);
  expect(window?.from).toEqual(now);
  expect(window?.to).toEqual(later(HOUR));
  expect(windowErrors(freshWindow(now), now)).toEqual({});
});

test("a window reads back as it was", () => {
  for (const length of [30 * MINUTE, HOUR, 90 * MINUTE, 24 * HOUR]) {
    const window = resolve(windowOf(later(HOUR), later(HOUR + length)), now);
    expect(window).toEqual({ from: later(HOUR), to: later(HOUR + length) });
  }
});

test("wrong windows are told at the field before they are sent", () => {
  expect(windowErrors(windowOf(later(2 * HOUR), later(HOUR)), now)).toHaveProperty("ends_at");
  expect(windowErrors(windowOf(later(HOUR), later(HOUR)), now)).toHaveProperty("ends_at");
  expect(windowErrors(windowOf(later(-2 * HOUR), later(-HOUR)), now)).toHaveProperty("ends_at");
  expect(windowErrors(windowOf(later(HOUR), later(25 * HOUR + MINUTE)), now)).toHaveProperty("ends_at");
  expect(windowErrors(windowOf(later(HOUR), later(25 * HOUR)), now)).toEqual({});
  expect(windowErrors({ ...windowOf(later(HOUR), later(2 * HOUR)), starts_at: "soon" }, now)).toHaveProperty("ends_at");
});
