import { describe, expect, test } from "vitest";

import { changedSettings, consequences, type FormSettings, losesEvidence, wrongSettings } from "../src/pages/organization/audit-settings";

const ON: FormSettings = { isauditenabled: true, isuseraccessauditenabled: true, useraccessauditinginterval: 4, auditretentionperiodv2: -1, sign_in_retention_days: 730, recording_retention_days: 365 };
const follows = (before: Partial<FormSettings>, after: Partial<FormSettings>) => consequences({ ...ON, ...before }, { ...ON, ...before, ...after });

describe("what saving the audit settings brings about", () => {
  test("switching access off and on names the events", () => {
    expect(follows({}, { isuseraccessauditenabled: false })).toEqual(["User access auditing stops now; this is recorded as UserAccessAuditStopped (113)."]);
    expect(follows({ isuseraccessauditenabled: false }, { isuseraccessauditenabled: true })).toEqual(["User access auditing starts now; this is recorded as UserAccessAuditStarted (112)."]);
  });

  test("switching auditing off ends user access auditing too, if that was on", () => {
    expect(follows({}, { isauditenabled: false }).map((one) => /\((\d+)\)/.exec(one)?.[1])).toEqual(["110", "113"]);
    expect(follows({ isuseraccessauditenabled: false }, { isauditenabled: false })).toHaveLength(1);
  });

  test("without auditing, access is only prepared", () => {
    expect(follows({ isauditenabled: false, isuseraccessauditenabled: false }, { isuseraccessauditenabled: true })).toEqual(["It takes effect when auditing is switched on."]);
  });

  test("interval and retention say from what to what, and for what they hold", () => {
    expect(follows({}, { useraccessauditinginterval: 0 })).toEqual(["The interval becomes 0: every access is recorded instead of 4 h."]);
    expect(follows({}, { auditretentionperiodv2: 1 })[0]).toContain("kept 1 day.");
    expect(follows({}, { sign_in_retention_days: -1 })[0]).toContain("kept for ever.");
  });

  test("nothing follows from nothing", () => {
    expect(follows({}, {})).toEqual([]);
    expect(changedSettings(ON, { ...ON })).toEqual({});
    expect(changedSettings(ON, { ...ON, useraccessauditinginterval: 8 })).toEqual({ useraccessauditinginterval: 8 });
  });
});

test("what records less or keeps shorter is a danger, the contrary is not", () => {
  const loses = (after: Partial<FormSettings>) => losesEvidence(ON, { ...ON, ...after });
  expect(loses({ isauditenabled: false })).toBe(true);
  expect(loses({ isuseraccessauditenabled: false })).toBe(true);
  expect(loses({ auditretentionperiodv2: 90 })).toBe(true);
  expect(loses({ sign_in_retention_days: 729 })).toBe(true);
  expect(loses({ sign_in_retention_days: -1, recording_retention_days: 400, useraccessauditinginterval: 8 })).toBe(false);
});

test("a retention of nothing, half a day or more than a thousand years is wrong, and so is an interval below nothing", () => {
  const wrong = (after: Partial<FormSettings>) => Object.keys(wrongSettings({ ...ON, ...after }));
  expect(wrong({})).toEqual([]);
  for (const days of [0, -2, 0.5, 365_001, Number.NaN]) expect(wrong({ recording_retention_days: days }), String(days)).toEqual(["recording_retention_days"]);
  for (const hours of [-1, 1.5, Number.NaN]) expect(wrong({ useraccessauditinginterval: hours }), String(hours)).toEqual(["useraccessauditinginterval"]);
  expect(wrong({ useraccessauditinginterval: 0, auditretentionperiodv2: 1 })).toEqual([]);
});
