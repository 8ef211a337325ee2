import { readFile } from "node:fs/promises";

import { describe, expect, test } from "vitest";

import { ACCESS_ACTIONS, actionChoice, ACTIONS, sourceOf } from "../src/pages/audit/actions";
import { shortened, toldBy, valueText } from "../src/pages/audit/details";
import { filtersOf, isFiltered, timeOf } from "../src/pages/audit/filter-state";

const now = new Date("2026-11-28T10:00:00Z");
const asked = (address: string) => {
  const params = new URLSearchParams(address);
  return filtersOf(params, timeOf(params, now));
};

describe("the filters of the trail", () => {
  test("ask about any time when none is chosen", () => {
    const filters = asked("privileged_session_id=1&user_id=2&target_id=3");
    expect(filters).toEqual({ action: [], user_id: "2", target_id: "3", privileged_session_id: "1", sign_in_id: null });
  });

  test("a time is a filter that can be cleared", () => {
    expect(asked("days=1")).toMatchObject({ start: "2026-11-27T10:00:00.000Z", end: null });
    expect(isFiltered(new URLSearchParams("days=1"))).toBe(true);
    expect(isFiltered(new URLSearchParams("view=access&after=x"))).toBe(false);
  });

  test("access records are accesses and the beginnings and ends of their auditing, or one of these", () => {
    expect(asked("view=access")["action"]).toEqual(ACCESS_ACTIONS);
    expect(asked("view=access&action=user_access_via_web")["action"]).toEqual(["user_access_via_web"]);
  });
});

describe("what an event says", () => {
  test("old and new values are found and stand beside each other", () => {
    const { changes, rest } = toldBy({ name: "erp", old_state: "enabled", new_state: "disabled", old_user_id: null, new_user_id: "7", new_alone: true, old_other: 1 });
    expect(changes).toEqual([{ name: "state", old: "enabled", now: "disabled" }, { name: "user_id", old: null, now: "7" }]);
    expect(rest).toEqual([["name", "erp"], ["new_alone", true], ["old_other", 1]]);
  });

  test("values are words", () => {
    const words = { yes: "Yes", no: "No", nothing: "nothing" };
    expect([true, false, null, "", 0, "x", { a: 1 }].map((value) => valueText(value, words))).toEqual(["Yes", "No", "nothing", "nothing", "0", "x", '{"a":1}']);
  });

  test("ids and hashes are shortened and other texts are not", () => {
    expect(shortened(`0193f0c1-0000-7000-8000-00000000abcd in ${"9f2c".repeat(16)}`)).toBe("…00abcd in 9f2c9f2c…");
    expect(shortened("2026-11-28")).toBe("2026-11-28");
  });
});

test("actions of the audit of user access carry the source's names and codes", () => {
  expect(ACCESS_ACTIONS.map((action) => sourceOf(action)?.code)).toEqual([64, 65, 112, 113]);
  expect(actionChoice("user_access_via_web")).toBe("UserAccessviaWeb (64)");
  expect(actionChoice("sign_in_failed")).toBe("Sign in failed");
  expect(new Set(ACTIONS).size).toBe(ACTIONS.length);
});

test("every action that the trail knows can be chosen", async () => {
  const domain = await readFile(new URL("../../../crates/chaperone-domain/src/audit_event.rs", import.meta.url), "utf8");
  const names = Array.from(domain.matchAll(/^ {4}[A-Z]\w+ = "([a-z_]+)",$/gm), ([, name]) => name ?? "");
  expect(names.length).toBeGreaterThan(40);
  expect(names.filter((name) => !(ACTIONS as readonly string[]).includes(name))).toEqual([]);
});
