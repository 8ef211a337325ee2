/** A directory of real accounts: added, imported, linked, lent for a session, and back as they were. */
import type { Page } from "@playwright/test";

import { expectAccessible } from "../support/accessibility.ts";
import { expect, test as base } from "../support/chaperone.ts";
import { Console } from "../support/console.ts";
import { Roles } from "../support/postgresql.ts";
import { privilegedAccount, reaches, targetNamed } from "../support/sessions.ts";
import { Wire } from "../support/wire.ts";

const DIRECTORY = "ERP database";

/** A server that is lent, with a role of this story's own. */
const test = base.extend<{ roles: Roles; role: string }>({
  // eslint-disable-next-line no-empty-pattern -- Playwright reads the names of fixtures from the pattern
  roles: async ({}, use, info) => {
    const roles = Roles.lent();
    info.skip(roles === null, "no PostgreSQL server is lent: run `cargo xtask test --only e2e`");
    if (roles !== null) await use(roles);
  },
  role: async ({ roles }, use) => {
    const role = roles.create();
    await use(role);
    roles.drop(role);
  },
});

test("a role of a database is imported, linked, lent with a session that is extended, and put back", async ({ browser, chaperone, roles, role }) => {
  const [scheduler, approver] = chaperone.administrators;
  const account = await privilegedAccount(chaperone);
  const target = await targetNamed(chaperone, "erp");

  const anna = await Console.signIn(browser, chaperone, scheduler);
  await addDirectory(anna, roles);
  await anna.page.getByRole("link", { name: "Link accounts to users" }).click();
  await linkAccount(anna.page, role, "Paula");

  const id = await anna.schedule(account.name, "Quarter close: correct the currency table", target.name, [role]);
  const bert = await Console.signIn(browser, chaperone, approver);
  await bert.open(id);
  await bert.act("Approve");
  await expect(bert.status("Active")).toBeVisible();
  expect(roles.maySignIn(role)).toBe(true);
  const firstEnd = roles.validUntil(role);
  expect(firstEnd, "the role closes by itself at the session's end").not.toBe("");

  const paula = await Console.signIn(browser, chaperone, chaperone.privilegedUser);
  await paula.page.goto(`${chaperone.consoleUrl}/my-access`);
  await paula.page.getByRole("button", { name: "Ask for more time" }).click();
  await paula.page.getByRole("dialog").getByRole("button", { name: "+1 h" }).click();
  await paula.page.getByLabel("Reason").fill("The currency run takes longer than planned.");
  await paula.page.getByRole("dialog").getByRole("button", { name: "Ask", exact: true }).click();
  await expect(paula.page.getByText("More time is asked for", { exact: true })).toBeVisible();

  // The approver's page follows without reloading.
  const extension = bert.page.getByRole("region", { name: "More time is asked for" });
  await expect(extension).toContainText("The currency run takes longer than planned.");
  await expectAccessible(bert.page);
  await extension.getByRole("button", { name: "Approve" }).click();
  await bert.page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
  await expect(extension).toBeHidden();
  await expect.poll(() => roles.validUntil(role) > firstEnd, "the role's own expiry moved with the end").toBe(true);

  await bert.act("End now");
  await reaches(chaperone, id, "Ended");
  expect(roles.maySignIn(role)).toBe(false);
  expect((await privilegedAccount(chaperone)).state).toBe("disabled");

  const auditor = await Console.signIn(browser, chaperone, chaperone.auditor);
  await auditor.open(id);
  await auditor.tab("Account").click();
  const log = auditor.page.getByRole("region", { name: role });
  const forward = log.getByRole("listitem").filter({ hasText: "For the session to be enabled" });
  const back = log.getByRole("listitem").filter({ hasText: "Way back to be disabled" });
  for (const way of [forward.first(), back.first()]) {
    for (const stop of ["Intended", "Done", "Verified"]) {
      await expect(way.getByRole("listitem").filter({ hasText: stop }).locator("time")).toBeVisible();
    }
  }
  await expect(back.first()).toContainText("put back");
  await expectAccessible(auditor.page);
});

test("what somebody changes in the directory is shown until notice is taken", async ({ browser, chaperone, roles, role }) => {
  const [administrator] = chaperone.administrators;
  const anna = await Console.signIn(browser, chaperone, administrator);
  const { page } = anna;
  await addDirectory(anna, roles);
  await page.getByRole("link", { name: "Link accounts to users" }).click();
  await linkAccount(page, role, "Paula");

  roles.allowSignIn(role);
  await page.getByRole("button", { name: `Actions for ${role}` }).click();
  await page.getByRole("menuitem", { name: "Look now" }).click();
  await expect(page.getByText("was changed outside: expected disabled, is enabled")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Take notice" }).click();
  await expect(page.getByText("was changed outside")).toBeHidden();
});

test("how far an import is stands on its page, and it goes on by itself when the directory answers again", async ({ browser, chaperone, roles, role }) => {
  const [administrator] = chaperone.administrators;
  const { page } = await Console.signIn(browser, chaperone, administrator);
  const wire = await Wire.to(roles.host, Number(roles.port));
  try {
    const settings = { kind: "postgresql", host: "127.0.0.1", port: Number(wire.port), database: "postgres", user: roles.user, tls: { mode: "off" } };
    const directory = await chaperone.api(administrator).post<{ id: string }>("/directories", { name: DIRECTORY, settings });
    await page.goto(`${chaperone.consoleUrl}/directories/${directory.id}`);
    const panel = page.getByRole("region", { name: "Import" });
    await expect(panel).toContainText("takes over which acc");
    wire.hold();
    await panel.getByRole("button", { name: "Import now" }).click();
    await expect(panel.getByRole("progressbar", { name: "Accounts seen" })).toBeVisible();
    await expect(panel.getByRole("button"), "one at a time").toHaveCount(0);
    await expectAccessible(page);
    wire.letGo();
    await expect(panel).toContainText("done", { timeout: 30_000 });
    await expect(panel.getByRole("progressbar")).toHaveCount(0);
    await page.goto(`${chaperone.consoleUrl}/accounts?q=${role}`);
    await expect(page.getByText(role, { exact: true }).first()).toBeVisible();
  } finally {
    wire.close();
  }
});

test("a directory's connection is changed, and it is removed only when no session needs it any more", async ({ browser, chaperone, roles, role }) => {
  const [scheduler, approver] = chaperone.administrators;
  const anna = await Console.signIn(browser, chaperone, scheduler);
  const { page } = anna;
  await addDirectory(anna, roles);
  const address = new URL(page.url());
  address.search = "";
  await page.getByRole("link", { name: "Link accounts to users" }).click();
  await linkAccount(page, role, "Paula");

  await page.goto(address.href);
  const dialog = page.getByRole("dialog");
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await dialog.getByLabel("Port", { exact: true }).fill("1");
  await dialog.getByRole("button", { name: "Test and save" }).click();
  await expect(dialog.getByRole("alert").first(), "it stays with its system").toContainText("belong to");
  await dialog.getByLabel("Port", { exact: true }).fill(roles.port);
  await dialog.getByLabel("Name", { exact: true }).fill("Ledger database");
  await dialog.getByRole("button", { name: "Test and save" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Ledger database");

  const id = await anna.schedule((await privilegedAccount(chaperone)).name, "Month end", (await targetNamed(chaperone, "erp")).name, [role]);
  await page.goto(address.href);
  await page.getByRole("button", { name: "Remove directory" }).click();
  await dialog.getByRole("button", { name: "Remove", exact: true }).click();
  await expect(dialog.getByRole("alert").getByRole("link"), "the session is named").toHaveAttribute("href", new RegExp(id));
  await chaperone.api(approver).post(`/privileged-sessions/${id}/change-status`, { status: "Reject", comment: "Not now" });
  await dialog.getByRole("button", { name: "Remove", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Directories");
  await expect(page.getByText("Ledger database")).toHaveCount(0);
});

test("the pages of directories are accessible, light and dark, and fit on a phone", async ({ browser, chaperone, roles, role }) => {
  const [administrator] = chaperone.administrators;
  const anna = await Console.signIn(browser, chaperone, administrator);
  await addDirectory(anna, roles);
  const directory = new URL(anna.page.url()).pathname;
  for (const colorScheme of ["light", "dark"] as const) {
    const console = await Console.signIn(browser, chaperone, administrator, { colorScheme, viewport: { width: 390, height: 844 } });
    for (const path of ["/directories", "/directories/new", "/directories/new?kind=ldap", directory, `/accounts?q=${role}`, "/guide/directories"]) {
      await console.page.goto(`${chaperone.consoleUrl}${path}`);
      await expect(console.page.getByRole("heading", { level: 1 })).toBeVisible();
      await expectAccessible(console.page);
      const { scrollWidth, clientWidth } = await console.page.evaluate(() => ({ scrollWidth: document.documentElement.scrollWidth, clientWidth: document.documentElement.clientWidth }));
      expect(scrollWidth, `${path} is not cut off at the side`).toBeLessThanOrEqual(clientWidth);
    }
  }
});

/** Adds the lent server: a wrong port is said first, then it works and is imported. */
async function addDirectory(console: Console, roles: Roles): Promise<void> {
  const { page } = console;
  await page.goto(`${console.chaperone.consoleUrl}/directories`);
  await page.getByRole("link", { name: "Add a directory" }).click();
  await page.getByRole("link", { name: "PostgreSQL" }).click();
  await page.getByLabel("Name", { exact: true }).fill(DIRECTORY);
  await page.getByLabel("Host").fill(roles.host);
  await page.getByLabel("Port", { exact: true }).fill("1");
  await page.getByLabel("Role", { exact: true }).fill(roles.user);
  await page.getByRole("combobox", { name: "TLS" }).click();
  await page.getByRole("option", { name: "Off" }).click();
  const found = page.getByRole("status").filter({ hasText: /It works|It does not work yet/ });
  await page.getByRole("button", { name: "Test the connection" }).click();
  await expect(found).toContainText(`Nothing listens at ${roles.host}:1`);
  await page.getByLabel("Port", { exact: true }).fill(roles.port);
  await page.getByRole("button", { name: "Test the connection" }).click();
  await expect(found).toContainText("It works");
  await page.getByRole("button", { name: "Add and import" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(DIRECTORY);
  await expect(page.getByRole("region", { name: "Import" })).toContainText("done");
}

/** Gives an account an owner and marks it privileged. */
async function linkAccount(page: Page, account: string, owner: string): Promise<void> {
  await page.getByRole("searchbox", { name: "Search name or id" }).fill(account);
  // Rows move when what was found comes, and a click between its two halves would be lost.
  await expect(page.getByRole("row"), "the header and the one account").toHaveCount(2);
  await page.getByRole("button", { name: `Assign the owner of ${account}` }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("combobox").click();
  await page.getByRole("option", { name: owner }).click();
  await dialog.getByRole("checkbox", { name: "Privileged" }).check();
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("switch", { name: `${account} is privileged` })).toBeChecked();
}
