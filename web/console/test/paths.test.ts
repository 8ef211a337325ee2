import { describe, expect, test } from "vitest";

import { isClientPath, paths, replayFrame, safeThen } from "../src/paths";

describe("where signing in leads", () => {
  test("only an address of this console", () => {
    expect(safeThen("/privileged-sessions?status=Active")).toBe("/privileged-sessions?status=Active");
    for (const bad of [null, "", "privileged-sessions", "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)"]) {
      expect(safeThen(bad), String(bad)).toBe(paths.home);
    }
  });

  test("the way to a target is asked of the server", () => {
    expect(isClientPath("/enter?target=1")).toBe(false);
    expect(isClientPath("/api/v1/me")).toBe(false);
    expect(isClientPath("/entertainment")).toBe(true);
    expect(isClientPath("/my-access")).toBe(true);
  });
});

test("the replay frame is told which console it may believe", () => {
  expect(replayFrame("http://replay.localhost:8080", "http://console.localhost:8080")).toBe(
    "http://replay.localhost:8080/frame/index.html?console=http%3A%2F%2Fconsole.localhost%3A8080",
  );
});
