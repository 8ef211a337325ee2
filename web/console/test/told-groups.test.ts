import { expect, test } from "vitest";

import type { Notification, NotificationKind } from "../src/api/types";
import { grouped, wordOf } from "../src/pages/privileged-sessions/told-groups";
import { texts } from "../src/texts";

const told = (id: string, kind: NotificationKind, created_at: string, more: Partial<Notification> = {}): Notification => ({
  id, kind, created_at, channel: "mail", recipient: null, address: `${id}@example.org`, state: "sent", attempts: 1, sent_at: created_at, next_try_at: null, problem: null, subject: "", ...more,
});

test("what was told at one instant stands together, in the order in which it happened", () => {
  const [eight, nine] = ["2026-11-20T08:00:00Z", "2026-11-20T09:00:00Z"];
  const groups = grouped([told("a", "to_approve", eight), told("b", "to_approve", eight), told("c", "approved", nine), told("d", "to_approve", nine)]);
  expect(groups.map(({ kind, at, notifications }) => [kind, at, notifications.map(({ id }) => id).join("")])).toEqual([
    ["to_approve", eight, "ab"],
    ["approved", nine, "c"],
    ["to_approve", nine, "d"],
  ]);
  expect(grouped([])).toEqual([]);
});

test("what waits after a failure is told apart from what waits for the first time", () => {
  expect(wordOf({ state: "waiting", problem: null })).toBe("waiting");
  expect(wordOf({ state: "waiting", problem: "The mail server cannot be reached." })).toBe("trying");
  expect(wordOf({ state: "given_up", problem: "It refuses." })).toBe("given_up");
  expect(wordOf({ state: "sent", problem: null })).toBe("sent");
});

test("every kind has its words", () => {
  const kinds: NotificationKind[] = ["to_approve", "approved", "rejected", "starts_soon", "started", "ends_soon", "ended", "could_not_start", "could_not_be_put_back", "drift"];
  expect(Object.keys(texts.told.kind)).toEqual(kinds);
});
