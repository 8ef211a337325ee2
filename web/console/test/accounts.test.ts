import { describe, expect, test } from "vitest";

import type { Account } from "../src/api/types";
import { isLaxer } from "../src/components/drift";
import { changedFields } from "../src/pages/accounts/change";
import { filtersOf, isFiltered } from "../src/pages/accounts/filter-state";
import { agoText } from "../src/ui/time";

const account: Account = {
  id: "1", directory_id: "2", external_id: "16385", name: "erp_owner", email: "", user_id: null, privileged: true, state: "disabled", expires_at: null, last_seen_at: "2026-11-20T08:00:00Z", drift: null, version: 3,
};

describe("the filters of the accounts", () => {
  test("stand in the address and are asked of the server", () => {
    const params = new URLSearchParams("directory_id=2&state=absent&privileged=yes&q=own");
    expect(filtersOf(params)).toEqual({ directory_id: "2", user_id: null, q: "own", state: "absent", privileged: true });
    expect(isFiltered(params)).toBe(true);
    expect(isFiltered(new URLSearchParams("after=x"))).toBe(false);
  });

  test("a word that is none is no filter", () => {
    expect(filtersOf(new URLSearchParams("state=open&drifted=no"))).toEqual({ directory_id: null, user_id: null, q: null, state: undefined });
  });
});

test("only what was changed of an account is sent", () => {
  expect(changedFields(account, { user_id: null, privileged: true, state: "disabled" })).toEqual({});
  expect(changedFields(account, { user_id: "9", privileged: false, state: "disabled" })).toEqual({ user_id: "9", privileged: false });
});

test("an account that is open and should not be is a danger, one that is shut is not", () => {
  expect(isLaxer(account)).toBe(false);
  expect(isLaxer({ state: "enabled", drift: { expected: "disabled", at: "" } })).toBe(true);
  expect(isLaxer({ state: "disabled", drift: { expected: "enabled", at: "" } })).toBe(false);
  expect(isLaxer({ state: "absent", drift: { expected: "disabled", at: "" } })).toBe(false);
});

test("how long ago is said in one unit", () => {
  const now = new Date("2026-11-20T08:00:00Z");
  const said = ["2026-11-20T08:00:30Z", "2026-11-20T07:59:30Z", "2026-11-20T07:58:00Z", "2026-11-20T05:10:00Z", "2026-11-17T05:10:00Z"].map((at) => agoText(new Date(at), now));
  expect(said).toEqual(["just now", "just now", "2 min ago", "2 h ago", "3 d ago"]);
});
