import { describe, expect, test } from "vitest";

import { type Fields, PRESET, requestOf, wrongFields } from "../src/pages/scheduled-exports/fields";
import { intervalText } from "../src/pages/scheduled-exports/interval";
import { lastWritten, placeOf, problemOf, stateOf } from "../src/pages/scheduled-exports/state";

const folder: Fields = { ...PRESET, name: " Audit share ", path: " /srv/exports " };
const bucket: Fields = { ...PRESET, name: "Trail", content: "audit_events", every: "day", format: "parquet", kind: "s3", bucket: "audit", region: "eu-central-1" };

describe("a new scheduled export", () => {
  test("is sent with what belongs to its place alone", () => {
    expect(wrongFields(folder)).toEqual({});
    expect(requestOf({ ...folder, bucket: "left over" })).toEqual({ name: "Audit share", content: "sign_ins", every: "week", format: "csv", target: { kind: "folder", path: "/srv/exports" } });
    expect(requestOf({ ...bucket, from: "2026-11-01" })).toEqual({
      name: "Trail", content: "audit_events", every: "day", format: "parquet", starts_at: "2026-11-01T00:00:00Z",
      target: { kind: "s3", bucket: "audit", region: "eu-central-1", prefix: "", endpoint: null, access_key_id: null, secret_access_key: null },
    });
  });

  test("needs what its place needs", () => {
    expect(Object.keys(wrongFields(PRESET))).toEqual(["name", "path"]);
    expect(Object.keys(wrongFields({ ...PRESET, kind: "s3" }))).toEqual(["name", "bucket", "region"]);
  });

  test("names its secret and never contains it, and has both keys or neither", () => {
    expect(wrongFields({ ...bucket, access_key_id: "AKIA", secret_access_key: "file:s3-secret" })).toEqual({});
    expect(Object.keys(wrongFields({ ...bucket, access_key_id: "AKIA", secret_access_key: "wJalrXUtnFEMI" }))).toEqual(["secret_access_key"]);
    expect(Object.keys(wrongFields({ ...bucket, access_key_id: "AKIA" }))).toEqual(["secret_access_key"]);
    expect(Object.keys(wrongFields({ ...bucket, secret_access_key: "env:S3_SECRET" }))).toEqual(["access_key_id"]);
  });
});

test("what does not fit is said before what cannot be written", () => {
  const fine = { active: true, findings: [], check_problem: null, runs: [{ state: "done" as const, problem: null, written_at: "2026-11-23T00:10:00Z" }] };
  const full = { ...fine, runs: [{ state: "waiting" as const, problem: "The disk is full.", written_at: null }, ...fine.runs] };
  const finding = { kind: "file_missing" as const, interval_start: "", interval_end: "", detail: "", found_at: "" };
  expect(stateOf(fine)).toBe("fine");
  expect(stateOf(full)).toBe("problem");
  expect(stateOf({ ...fine, check_problem: "gone" })).toBe("problem");
  expect(stateOf({ ...full, active: false })).toBe("paused");
  expect(stateOf({ ...full, active: false, findings: [finding] })).toBe("findings");
  expect(problemOf(full)).toBe("The disk is full.");
  expect(lastWritten(full)).toBe("2026-11-23T00:10:00Z");
  expect(lastWritten({ runs: [] })).toBeNull();
});

test("a place is one line", () => {
  expect(placeOf({ kind: "folder", path: "/srv/exports" })).toBe("/srv/exports");
  expect(placeOf({ kind: "s3", bucket: "audit", prefix: "/a/b/", region: "r", endpoint: null, access_key_id: null, secret_access_key: null })).toBe("s3://audit/a/b");
  expect(placeOf({ kind: "s3", bucket: "audit", prefix: "", region: "r", endpoint: null, access_key_id: null, secret_access_key: null })).toBe("s3://audit");
});

test("an interval is said with its first and its last day", () => {
  expect(intervalText("2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z")).toBe("21 Nov 2026");
  expect(intervalText("2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z")).toBe("16 Nov 2026 – 22 Nov 2026");
});
