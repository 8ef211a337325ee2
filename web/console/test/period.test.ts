import { describe, expect, test } from "vitest";

import { periodOf, periodQuery } from "../src/components/period";
import { filtersOf, isFiltered } from "../src/pages/sign-ins/filter-state";

const now = new Date("2026-11-28T10:00:00Z");
const of = (address: string) => periodOf(new URLSearchParams(address), now);

describe("the time that a list is about", () => {
  test("is the seven days before now, and its end stays open", () => {
    const period = of("");
    expect(period).toEqual({ start: new Date("2026-11-21T10:00:00Z"), end: null, until: now, days: 7, backwards: false });
    expect(periodQuery(period)).toEqual({ start: "2026-11-21T10:00:00.000Z", end: null });
  });

  test("with an end of its own begins seven days before that", () => {
    expect(of("end=2026-10-08T00:00:00Z").start).toEqual(new Date("2026-10-01T00:00:00Z"));
    expect(of("end=2026-10-08T00:00:00Z&days=1").start).toEqual(new Date("2026-10-07T00:00:00Z"));
  });

  test("may have any length", () => {
    const period = of("start=2020-01-01T00:00:00Z");
    expect(period.days).toBeNull();
    expect(periodQuery(period)).toEqual({ start: "2020-01-01T00:00:00.000Z", end: null });
  });

  test("an end before the start is seen, also when the end is now", () => {
    expect(of("start=2026-11-20T00:00:00Z&end=2026-11-19T00:00:00Z").backwards).toBe(true);
    expect(of("start=2026-12-01T00:00:00Z").backwards).toBe(true);
    expect(of("start=2026-11-20T00:00:00Z&end=2026-11-20T00:00:01Z").backwards).toBe(false);
  });

  test("what is no time is none", () => {
    expect(of("start=yesterday&end=2026-13-40&days=12")).toEqual(of(""));
  });
});

describe("the filters of User Login Events", () => {
  const asked = (address: string) => filtersOf(new URLSearchParams(address), of(address));

  test("stand in the address and are asked of the server", () => {
    expect(asked("user_name=paula&channel=web_services&target_id=7&client_address=10.1&kind=target")).toEqual({
      start: "2026-11-21T10:00:00.000Z", end: null, user_name: "paula", user_id: null, channel: "web_services", target_id: "7", client_address: "10.1", kind: "target",
    });
  });

  test("a word that is none is no filter", () => {
    expect(asked("channel=telephone&kind=all")).toMatchObject({ channel: null, kind: null });
  });

  test("the time and the page are no filters to clear", () => {
    expect(isFiltered(new URLSearchParams("days=30&after=x"))).toBe(false);
    expect(isFiltered(new URLSearchParams("client_address=10.1"))).toBe(true);
  });
});
