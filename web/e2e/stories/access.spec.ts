/** Who was there: User Login Events and their export, and the audit of user access. */
import type { Page } from "@playwright/test";

import { csvRows, exportGrid, pick, rowWith, switchAudit } from "../support/access.ts";
import { expectAccessible } from "../support/accessibility.ts";
import type { List } from "../support/api.ts";
import { expect, test } from "../support/chaperone.ts";
import { Console } from "../support/console.ts";
import { activeSession, targetNamed } from "../support/sessions.ts";

interface SignIn {
  sign_in_id: string;
  user_name: string;
  email: string;
  started_at: string;
  channel: string;
  kind: string;
  privileged_session_id: string | null;
}

interface AuditEvent {
  id: string;
  user_id: string;
}

test("an auditor finds who signed in last week and exports it", async ({ browser, chaperone }) => {
  const target = await targetNamed(chaperone, "erp");
  const session = await activeSession(chaperone, target);
  const paula = await Console.signIn(browser, chaperone, chaperone.privilegedUser);
  const erp = await paula.enter(target.name);
  await expect(erp.getByRole("navigation", { name: "Main" })).toBeVisible();

  const auditor = await Console.signIn(browser, chaperone, chaperone.auditor);
  const { page } = auditor;
  await page.getByRole("link", { name: "Sign-ins" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("User Login Events");
  const start = new Date(await page.getByLabel("Start", { exact: true }).inputValue());
  const end = new Date(await page.getByLabel("End", { exact: true }).inputValue());
  expect(end.getTime() - start.getTime()).toBe(7 * 24 * 3_600_000);

  // Paula by name: once at the console, once at the target in the session.
  await page.getByRole("searchbox", { name: "Name or e-mail" }).fill(chaperone.privilegedUser.user_name);
  await expect(page.getByRole("row").filter({ has: page.getByRole("cell") }).filter({ hasText: chaperone.auditor.user_name })).toHaveCount(0);
  const visit = rowWith(page, target.name, session.id.slice(-6));
  await expect(visit).toContainText("goes on");
  await expect(visit).toContainText("web");
  await expect(page.getByRole("region", { name: "Totals" })).toContainText("per day (UTC)");

  const { name, bytes } = await exportGrid(page, "CSV");
  expect(name).toMatch(/^sign-ins.*\.csv$/);
  await expect(page.getByRole("region", { name: "Exports" })).toContainText(/is in your downloads: \d+ rows/);
  const rows = csvRows(bytes.toString("utf8"));
  const api = chaperone.api(chaperone.auditor);
  const { items } = await api.get<List<SignIn>>(`/sign-ins?user_name=${chaperone.privilegedUser.user_name}`);
  expect(rows.map((row) => row["sign_in_id"]).sort()).toEqual(items.map((item) => item.sign_in_id).sort());
  const exported = rows.find((row) => row["privileged_session_id"] === session.id);
  expect(exported).toMatchObject({ user_name: chaperone.privilegedUser.user_name, channel: "web" });
  for (const item of items) {
    const row = rows.find((one) => one["sign_in_id"] === item.sign_in_id);
    expect(row).toMatchObject({ email: item.email, kind: item.kind });
    expect(new Date(row?.["started_at"] ?? "").getTime()).toBe(new Date(item.started_at).getTime());
  }

  const lines = (await exportGrid(page, "JSON lines")).bytes.toString("utf8").trim().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as SignIn).sign_in_id).sort()).toEqual(items.map((item) => item.sign_in_id).sort());
  expect((await exportGrid(page, "Excel")).bytes.subarray(0, 2).toString()).toBe("PK");
  expect((await exportGrid(page, "Parquet")).bytes.subarray(0, 4).toString()).toBe("PAR1");

  // What is asked stands in the address, so that a link and a reload show the same.
  await page.getByRole("button", { name: "30 days", exact: true }).click();
  await pick(page, "Sign-in to", "targets");
  await pick(page, "Target", target.name);
  await expect
    .poll(() => Object.fromEntries(new URL(page.url()).searchParams))
    .toEqual({ user_name: chaperone.privilegedUser.user_name, days: "30", kind: "target", target_id: target.id });
  await page.reload();
  await expect(page.getByRole("searchbox", { name: "Name or e-mail" })).toHaveValue(chaperone.privilegedUser.user_name);
  await expect(page.getByRole("button", { name: "30 days", exact: true })).toHaveAttribute("aria-pressed", "true");
  await expect(page.getByRole("combobox", { name: "Sign-in to" })).toHaveValue("targets");
  await expect(page.getByRole("combobox", { name: "Target" })).toHaveValue(target.name);
  await expect(visit).toBeVisible();
  const grid = page.getByRole("table", { name: "Sign-ins, newest first" }).getByRole("row").filter({ has: page.getByRole("cell") });
  await expect(grid.filter({ hasNotText: target.name })).toHaveCount(0);

  // An end before the start is said in words, and nothing is asked.
  await page.getByLabel("End", { exact: true }).fill("2020-01-01T00:00");
  await expect(page.getByRole("alert")).toContainText("The end lies before the start.");
});

test("user access auditing is switched off and on, for the ERP too, and a visit there is recorded while it is on", async ({ browser, chaperone }) => {
  const target = await targetNamed(chaperone, "erp");
  await activeSession(chaperone, target);
  const [administrator] = chaperone.administrators;
  const anna = await Console.signIn(browser, chaperone, administrator);
  // Signing in to the console is an access too, and would be the one of the interval.
  await switchAudit(anna, "Record accesses to The console and the API", /EntityAuditStopped \(108\)/);
  await switchAudit(anna, "Log access", /UserAccessAuditStopped \(113\)/);
  await switchAudit(anna, "Log access", /UserAccessAuditStarted \(112\)/);
  await switchAudit(anna, `Record accesses to ${target.name}`, /EntityAuditStopped \(108\)/);

  const paula = await Console.signIn(browser, chaperone, chaperone.privilegedUser);
  const erp = await paula.enter(target.name);
  await expect(erp.getByRole("navigation", { name: "Main" })).toBeVisible();
  const api = chaperone.api(chaperone.auditor);
  const visits = `/audit-events?action=user_access_via_web&target_id=${target.id}`;
  expect((await api.get<List<AuditEvent>>(visits)).items).toEqual([]);
  await switchAudit(anna, `Record accesses to ${target.name}`, /EntityAuditStarted \(105\)/);
  await erp.reload();
  await expect(erp.getByRole("navigation", { name: "Main" })).toBeVisible();

  const auditor = await Console.signIn(browser, chaperone, chaperone.auditor);
  const { page } = auditor;
  await page.getByRole("link", { name: "Audit", exact: true }).click();
  await page.getByRole("tab", { name: "Access records" }).click();
  await expect(page.getByText("At most one record per user and way in every 4 hours")).toBeVisible();
  await expect(rowWith(page, "UserAccessviaWeb", "64", chaperone.privilegedUser.user_name)).toContainText(target.name);
  await expect(rowWith(page, "UserAccessAuditStarted", "112")).toContainText(administrator.user_name);
  await page.getByRole("button", { name: "UserAccessAuditStopped" }).click();
  const changed = page.getByRole("dialog").getByRole("row", { name: /isuseraccessauditenabled/ });
  await expect(changed.getByRole("cell")).toHaveText(["Yes", "No"]);
  await page.keyboard.press("Escape");

  // What the filters show is what the file has.
  await pick(page, "User", new RegExp(chaperone.privilegedUser.user_name, "i"));
  await expect(rowWith(page, "UserAccessAuditStarted")).toHaveCount(0);
  await expect(rowWith(page, "UserAccessviaWeb", "64", chaperone.privilegedUser.user_name)).toContainText(target.name);
  const { name, bytes } = await exportGrid(page, "CSV", "Export");
  expect(name).toMatch(/^audit-events.*\.csv$/);
  const rows = csvRows(bytes.toString("utf8"));
  const { items } = await api.get<List<AuditEvent>>(visits);
  expect(items).toHaveLength(1);
  expect(rows.map((row) => row["id"])).toEqual(items.map((item) => item.id));
  expect(rows[0]).toMatchObject({ action: "user_access_via_web", user_id: items[0]?.user_id, channel: "web" });
  await page.getByRole("button", { name: "Clear filters" }).click();

  await page.getByRole("tab", { name: "The trail" }).click();
  await pick(page, "Action", "EntityAuditStopped (108)");
  const stopped = page.getByRole("row").filter({ hasText: "EntityAuditStopped" });
  await expect(stopped, "the console and the ERP").toHaveCount(2);
  await pick(page, "Target", target.name);
  await expect(stopped, "the ERP alone").toHaveCount(1);
  await expect(stopped).toContainText("target");
});

test("the pages of sign-ins, audit, exports and streams are accessible, light and dark, and fit on a phone", async ({ browser, chaperone }) => {
  const [administrator] = chaperone.administrators;
  for (const [colorScheme, viewport] of [["light", { width: 1280, height: 800 }], ["dark", { width: 390, height: 844 }]] as const) {
    const { page } = await Console.signIn(browser, chaperone, administrator, { colorScheme, viewport });
    for (const path of ["/sign-ins", "/audit", "/audit?view=access", "/organization/audit-settings", "/scheduled-exports", "/scheduled-exports/new", "/event-streams"]) {
      await page.goto(`${chaperone.consoleUrl}${path}`);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
      await expectAccessible(page);
      await expectToFit(page, path);
    }
    await page.goto(`${chaperone.consoleUrl}/sign-ins`);
    await page.locator("tbody button.link-button").first().click();
    await expect(page.getByRole("dialog")).toBeVisible();
    await expectAccessible(page);
  }
});

async function expectToFit(page: Page, path: string): Promise<void> {
  const { scrollWidth, clientWidth } = await page.evaluate(() => ({ scrollWidth: document.documentElement.scrollWidth, clientWidth: document.documentElement.clientWidth }));
  expect(scrollWidth, `${path} is not cut off at the side`).toBeLessThanOrEqual(clientWidth);
}
