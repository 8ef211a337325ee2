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

test("the filters of the list stand in its address and survive a reload", async ({ browser, chaperone }) => {
  const target = await targetNamed(chaperone, "erp");
  const [requester, approver] = chaperone.administrators;
  const cancelled = await request(chaperone, target);
  await chaperone.api(requester).post(`/privileged-sessions/${cancelled.id}/change-status`, { status: "Cancel" });
  await request(chaperone, target);

  const { page } = await Console.signIn(browser, chaperone, approver);
  await page.goto(`${chaperone.consoleUrl}/privileged-sessions`);
  const chip = page.getByRole("button", { name: "Cancelled", exact: true });
  const search = page.getByRole("searchbox", { name: /^Search reason/ });
  const targets = page.getByRole("combobox", { name: "Any target" });
  const rows = page.getByRole("table").getByRole("row").filter({ hasText: target.name });
  await expect(rows).toHaveCount(2);

  await chip.click();
  await search.fill("year-end");
  await targets.click();
  await page.getByRole("option", { name: target.name }).click();
  const asked = { status: "Cancelled", q: "year-end", target_id: target.id };
  const shown = async (): Promise<void> => {
    await expect.poll(() => Object.fromEntries(new URL(page.url()).searchParams)).toEqual(asked);
    await expect(chip).toHaveAttribute("aria-pressed", "true");
    await expect(search).toHaveValue("year-end");
    await expect(targets).toHaveValue(target.name);
    await expect(rows).toHaveCount(1);
    await expect(rows).toContainText("Cancelled");
  };
  await shown();
  await page.reload();
  await shown();

  await page.getByRole("button", { name: "Clear filters" }).click();
  await expect(rows).toHaveCount(2);
  expect(new URL(page.url()).search).toBe("");
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
