/** Who approves, and with what: somebody else, also from a phone, also without a mouse's precision. */
import { devices } from "@playwright/test";

import { expectAccessible } from "../support/accessibility.ts";
import type { Problem } from "../support/api.ts";
import { expect, test } from "../support/chaperone.ts";
import { Console } from "../support/console.ts";
import { type PrivilegedSession, reaches, request, targetNamed } from "../support/sessions.ts";

test("nobody approves their own request, and the refusal names the rule", async ({ browser, chaperone }) => {
  const session = await request(chaperone, await targetNamed(chaperone, "erp"));
  const [requester] = chaperone.administrators;
  const path = `/privileged-sessions/${session.id}`;
  const refused = await chaperone.api(requester).call<Problem>("POST", `${path}/change-status`, { status: "Approve" });
  expect(refused.status).toBe(422);
  expect(refused.body.type).toMatch(/\/self-approval-refused$/);
  expect((await chaperone.api(requester).get<PrivilegedSession>(path)).status).toBe("Draft");

  const console = await Console.signIn(browser, chaperone, requester);
  await console.open(session.id);
  await expect(console.status("Draft")).toBeVisible();
  const approve = console.page.getByRole("button", { name: "Approve", exact: true });
  await expect(approve).toBeDisabled();
});

test("an approver on a phone approves with the thumb", async ({ browser, chaperone }) => {
  const session = await request(chaperone, await targetNamed(chaperone, "erp"));
  const [, approver] = chaperone.administrators;
  const phone = await Console.signIn(browser, chaperone, approver, devices["Pixel 7"]);
  await phone.open(session.id);
  const { scrollWidth, clientWidth } = await phone.page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return { scrollWidth, clientWidth };
  });
  expect(scrollWidth, "nothing is cut off at the side").toBeLessThanOrEqual(clientWidth);
  await phone.act("Approve");
  await reaches(chaperone, session.id, "Active");
  await expect(phone.status("Active")).toBeVisible();
});

test("the console's pages are accessible, light and dark", async ({ browser, chaperone }) => {
  const session = await request(chaperone, await targetNamed(chaperone, "erp"));
  const [, approver] = chaperone.administrators;
  for (const colorScheme of ["light", "dark"] as const) {
    const console = await Console.signIn(browser, chaperone, approver, { colorScheme });
    for (const path of ["/privileged-sessions", "/privileged-sessions/new", `/privileged-sessions/${session.id}`, "/my-access"]) {
      await console.page.goto(`${chaperone.consoleUrl}${path}`);
      await expect(console.page.getByRole("heading", { level: 1 })).toBeVisible();
      await expectAccessible(console.page);
    }
  }
});
