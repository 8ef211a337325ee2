/** From the request to the evidence: one privileged session on the sample ERP. */
import { readFile } from "node:fs/promises";

import { expect, test } from "../support/chaperone.ts";
import { Console } from "../support/console.ts";
import { type Change, workInErp } from "../support/erp-job.ts";
import { type Exchange, type RecordedStep, everything, expectChanges, expectScript, sealedRecording } from "../support/recording.ts";
import { activeSession, privilegedAccount, reaches, targetNamed } from "../support/sessions.ts";

const REASON = "Year-end corrections of vendors";

test("a session is scheduled, approved, worked in, ended, and its evidence says what was done", async ({ browser, chaperone }) => {
  const [scheduler, approver] = chaperone.administrators;
  const account = await privilegedAccount(chaperone);
  const target = await targetNamed(chaperone, "erp");
  expect(account.state).toBe("disabled");

  const first = await Console.signIn(browser, chaperone, scheduler);
  const id = await first.schedule(account.name, REASON, target.name);

  const second = await Console.signIn(browser, chaperone, approver);
  await second.open(id);
  await second.act("Approve");
  // The first administrator's page follows without reloading.
  await expect(first.status("Active")).toBeVisible();
  expect((await privilegedAccount(chaperone)).state).toBe("enabled");

  const paula = await Console.signIn(browser, chaperone, chaperone.privilegedUser);
  const page = await paula.enter(target.name);
  await expect(page.getByRole("navigation", { name: "Main" })).toBeVisible();
  const script = await workInErp(page, chaperone.targetUrl);
  const changes = await page.evaluate(async () => (await (await fetch("/api/changes")).json()) as Change[]);

  await second.open(id);
  await second.act("End now");
  const answered = async (): Promise<number> => await page.evaluate(async () => await fetch("/api/me").then((answer) => answer.status, () => 0));
  await expect.poll(answered, { intervals: [50] }).not.toBe(200);
  expect([0, 401, 403]).toContain(await answered());
  await reaches(chaperone, id, "Ended");
  expect((await privilegedAccount(chaperone)).state).toBe("disabled");

  const auditor = await Console.signIn(browser, chaperone, chaperone.auditor);
  await auditor.open(id);
  await auditor.tab("Audit log").click();
  for (const words of [scheduler.user_name, approver.user_name, "BatchProcess", "SystemAdministrator"]) {
    await expect(auditor.page.getByRole("row").filter({ hasText: words }).first()).toBeVisible();
  }
  await auditor.tab("User log").click();
  await expect(auditor.page.getByRole("row").filter({ hasText: /session ended/i })).toBeVisible();

  const api = chaperone.api(chaperone.auditor);
  const recording = await sealedRecording(api, id);
  const steps = await everything<RecordedStep>(api, `/recordings/${recording.id}/steps`);
  expectScript(steps, script);
  expectChanges(changes, steps);
  for (const change of changes) expect(change.user, `${change.field} names the person`).toBe(chaperone.privilegedUser.user_name);

  const exchanges = await everything<Exchange>(api, `/recordings/${recording.id}/exchanges`);
  const done = exchanges.filter((exchange) => exchange.kind === "change" && exchange.outcome === "done");
  const explained = new Set(steps.flatMap((step) => step.exchange_ids));
  for (const exchange of done.filter((one) => one.method !== "GET")) {
    expect(explained.has(exchange.id), `a step explains ${exchange.method} ${exchange.url}`).toBe(true);
  }

  await auditor.tab("Recordings").click();
  await auditor.page.getByRole("link", { name: /Play/ }).or(auditor.page.getByRole("button", { name: /Play/ })).first().click();
  await auditor.page.getByRole("button", { name: /Amélie Fournier/ }).first().click();
  // The replayer draws the recorded page in a frame of its frame.
  const picture = auditor.page.frameLocator('iframe[title="Replay of the recorded page"]').frameLocator("iframe");
  await expect(picture.getByLabel("Contact person")).toHaveValue("Amélie Fournier");
  await expect(picture.getByLabel("Contact person")).toBeVisible();

  await auditor.page.getByRole("button", { name: "Download", exact: true }).click();
  const [download] = await Promise.all([auditor.page.waitForEvent("download"), auditor.page.getByRole("menuitem", { name: "Steps as CSV" }).click()]);
  expect(download.suggestedFilename()).toMatch(/\.csv$/);
  expect(await readFile(await download.path(), "utf8")).toContain("Amélie Fournier");

  for (const format of ["bundle", "rrweb", "steps.json", "steps.csv", "har"]) {
    const { status, text } = await api.download(`/recordings/${recording.id}/download?format=${format}`);
    expect(status, format).toBe(200);
    expect(text.length, format).toBeGreaterThan(100);
    if (format === "bundle") expect(text.subarray(0, 2).toString()).toBe("PK");
    else if (format !== "steps.csv") expect(() => JSON.parse(text.toString("utf8"))).not.toThrow();
    // What the page masks leaves the browser nowhere.
    expect(text.includes(chaperone.privilegedUser.password), format).toBe(false);
  }
});

test("the account is switched off and on again, and the end is made earlier, while the session goes on", async ({ browser, chaperone }) => {
  const session = await activeSession(chaperone, await targetNamed(chaperone, "erp"));
  const [, approver] = chaperone.administrators;
  const bert = await Console.signIn(browser, chaperone, approver);
  const { page } = bert;
  const account = page.getByRole("region", { name: (await privilegedAccount(chaperone)).name });
  await bert.open(session.id);
  await bert.tab("Account").click();
  for (const [action, state] of [["Disable account", "disabled"], ["Enable account", "enabled"]] as const) {
    await account.getByRole("button", { name: action, exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: action, exact: true }).click();
    await expect.poll(async () => (await privilegedAccount(chaperone)).state).toBe(state);
  }

  const paula = await Console.signIn(browser, chaperone, chaperone.privilegedUser);
  await paula.open(session.id);
  await paula.page.getByRole("button", { name: "End earlier", exact: true }).first().click();
  const dialog = paula.page.getByRole("dialog");
  await dialog.getByRole("button", { name: "in 15 min" }).click();
  await dialog.getByRole("button", { name: "End earlier", exact: true }).click();
  await expect(dialog).toBeHidden();
  const { ends_at } = await chaperone.api(approver).get<{ ends_at: string }>(`/privileged-sessions/${session.id}`);
  expect(Math.abs(Date.parse(ends_at) - Date.now() - 15 * 60_000), "a quarter of an hour from now").toBeLessThan(120_000);

  // The other page follows without reloading.
  await bert.tab("Audit log").click();
  await expect(page.getByRole("row").filter({ hasText: chaperone.privilegedUser.user_name }).first()).toBeVisible();
  await bert.act("End now");
  await reaches(chaperone, session.id, "Ended");
  expect((await privilegedAccount(chaperone)).state, "a switch does not change to what it goes back").toBe("disabled");
});

test("the person hands the session back and the door is closed", async ({ browser, chaperone }) => {
  const session = await activeSession(chaperone, await targetNamed(chaperone, "erp"));
  const paula = await Console.signIn(browser, chaperone, chaperone.privilegedUser);
  const page = await paula.enter((await targetNamed(chaperone, "erp")).name);
  await expect(page.getByRole("navigation", { name: "Main" })).toBeVisible();

  await paula.page.goto(`${chaperone.consoleUrl}/my-access`);
  await paula.act("Hand back");

  const ended = await reaches(chaperone, session.id, "Ended");
  expect(ended.end_reason).toBe("handed_back");
  expect((await privilegedAccount(chaperone)).state).toBe("disabled");
  await page.goto(`${chaperone.targetUrl}/vendors`);
  await expect(page.getByRole("table")).toHaveCount(0);
});
