import { describe, expect, test } from "vitest";

import { BARS_MAX, barsOf, dayAfter, labelled, ticksFor } from "../src/ui/day-chart";

const on = (day: string, count: number, people = 1) => ({ day, count, people });
const sum = (bars: readonly { count: number }[]): number => bars.reduce((all, { count }) => all + count, 0);

describe("the bars of a time", () => {
  test("there is one for each day, also where nothing happened", () => {
    const { unit, bars } = barsOf([on("2026-11-22", 3, 2)], "2026-11-21", "2026-11-23");
    expect(unit).toBe("day");
    expect(bars).toEqual([
      { from: "2026-11-21", to: "2026-11-21", count: 0, people: 0 },
      { from: "2026-11-22", to: "2026-11-22", count: 3, people: 2 },
      { from: "2026-11-23", to: "2026-11-23", count: 0, people: 0 },
    ]);
  });

  test("a long time has a bar for each week, and nothing is lost", () => {
    const counts = Array.from({ length: 200 }, (_day, index) => on(dayAfter("2026-01-01", index), index));
    const { unit, bars } = barsOf(counts, "2026-01-01", "2026-07-19");
    expect(unit).toBe("week");
    expect(bars.length).toBeLessThanOrEqual(BARS_MAX);
    expect(bars[0]).toEqual({ from: "2026-01-01", to: "2026-01-07", count: 21, people: null });
    expect(sum(bars)).toBe(sum(counts));
  });

  test("a very long time has a bar for each month of the calendar", () => {
    const counts = [on("2024-02-29", 5), on("2024-03-01", 7), on("2026-11-28", 2)];
    const { unit, bars } = barsOf(counts, "2024-02-10", "2026-11-28");
    expect(unit).toBe("month");
    expect(bars.slice(0, 2).map(({ from, to, count }) => [from, to, count])).toEqual([["2024-02-10", "2024-02-29", 5], ["2024-03-01", "2024-03-31", 7]]);
    expect(bars).toHaveLength(34);
    expect(sum(bars)).toBe(14);
  });

  test("an end before the start is one day and no endless list", () => {
    expect(barsOf([], "2026-11-28", "2026-11-01").bars).toHaveLength(1);
  });
});

describe("the axis", () => {
  test("has whole numbers in steps of 1, 2 or 5 and reaches the highest bar", () => {
    expect(ticksFor(0)).toEqual([0, 1]);
    expect(ticksFor(2)).toEqual([0, 1, 2]);
    expect(ticksFor(14)).toEqual([0, 5, 10, 15]);
    expect(ticksFor(900)).toEqual([0, 500, 1000]);
    for (let highest = 1; highest < 5_000; highest += 7) {
      const ticks = ticksFor(highest);
      expect(ticks.at(-1), String(highest)).toBeGreaterThanOrEqual(highest);
      expect(ticks.length, String(highest)).toBeLessThanOrEqual(5);
      expect(ticks.every(Number.isInteger), String(highest)).toBe(true);
    }
  });

  test("carries few labels, the first bar's among them", () => {
    expect(labelled(7, 8)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(labelled(30, 8)).toEqual([0, 4, 8, 12, 16, 20, 24, 28]);
    expect(labelled(0, 8)).toEqual([]);
  });
});
