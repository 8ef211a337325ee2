/** What is kept and what leaves by itself: the legal hold on a session, and exports whose gaps are found. */
import { appendFile, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";

import { expectAccessible } from "../support/accessibility.ts";
import { expect, test } from "../support/chaperone.ts";
import { Console } from "../support/console.ts";
import { request, targetNamed } from "../support/sessions.ts";

const DAY_MS = 86_400_000;

test("an auditor holds a session, and an administrator lifts the hold", async ({ browser, chaperone }) => {
  const session = await request(chaperone, await targetNamed(chaperone, "erp"));
  const auditor = await Console.signIn(browser, chaperone, chaperone.auditor);
  await auditor.open(session.id);
  await auditor.page.getByRole("button", { name: "Set legal hold" }).click();
  const setting = auditor.page.getByRole("dialog");
  await setting.getByRole("button", { name: "Set legal hold" }).click();
  await expect(setting).toContainText("Say why.");
  await setting.getByLabel("Reason").fill("Investigation 2026-17");
  await setting.getByRole("button", { name: "Set legal hold" }).click();
  await expect(auditor.status("Legal hold")).toBeVisible();
  const held = auditor.page.getByRole("region", { name: "Legal hold and retention" });
  await expect(held).toContainText("Investigation 2026-17");
  await expect(held.getByRole("button", { name: "Lift legal hold" })).toBeDisabled();
  await expectAccessible(auditor.page);

  const [administrator] = chaperone.administrators;
  const anna = await Console.signIn(browser, chaperone, administrator);
  await anna.open(session.id);
  await anna.page.getByRole("button", { name: "Lift legal hold" }).click();
  await anna.page.getByRole("dialog").getByLabel("Reason").fill("The investigation is closed");
  await anna.page.getByRole("dialog").getByRole("button", { name: "Lift legal hold" }).click();
  // The auditor's page follows without reloading.
  await expect(held).toContainText("No legal hold.");
});

test("sign-ins are exported day by day, and a file that was changed is found and written again", async ({ browser, chaperone }) => {
  const folder = join(chaperone.dataDir, "exported");
  await mkdir(folder);
  const [administrator] = chaperone.administrators;
  const { page } = await Console.signIn(browser, chaperone, administrator);
  await page.getByRole("link", { name: "Scheduled exports" }).click();
  await page.getByRole("link", { name: "New scheduled export" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Audit share");
  await page.getByText("Every day", { exact: true }).click();
  await page.getByLabel("Path of the folder").fill(`${folder}/not-there`);
  await page.getByLabel("First day").fill(new Date(Date.now() - 2 * DAY_MS).toISOString().slice(0, 10));
  await page.getByRole("button", { name: "Create" }).click();
  // A place that takes nothing is said before anything is set up.
  await expect(page.getByText(/not-there/).and(page.locator("p"))).toBeVisible();
  await page.getByLabel("Path of the folder").fill(folder);
  await page.getByRole("button", { name: "Create" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Audit share");

  const files = page.getByRole("region", { name: "Files" });
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(files.getByRole("row").filter({ hasText: ".csv" }).first()).toBeVisible();
  await expect(page.getByText("In order", { exact: true })).toBeVisible();
  const written = (await readdir(folder)).filter((name) => name.endsWith(".csv")).sort();
  expect(written.length).toBeGreaterThan(0);

  await appendFile(join(folder, written[0] ?? ""), "somebody,was,here\n");
  await page.getByRole("button", { name: "Check now" }).click();
  const findings = page.getByRole("region", { name: "What does not fit" });
  await expect(findings).toContainText("A file was changed");
  await expect(page.getByText("Something does not fit", { exact: true })).toBeVisible();
  await expectAccessible(page);

  await findings.getByRole("button", { name: "Write it again" }).first().click();
  await expect(async () => {
    await page.getByRole("button", { name: "Check now" }).click();
    await expect(findings).toContainText("Files, manifests and the trail fit together.", { timeout: 2_000 });
  }).toPass({ timeout: 30_000 });
});
