/** The same on a real ERP that we did not write, with a sign-in of its own behind ours. */
import { expectBanner, handBackInBanner } from "../support/banner.ts";
import { Chaperone, expect, lend, test as base } from "../support/chaperone.ts";
import { Console } from "../support/console.ts";
import { type RecordedStep, everything, expectScript, sealedRecording } from "../support/recording.ts";
import { privilegedAccount, reaches, targetNamed } from "../support/sessions.ts";
import { PARTY, signInToTryton, workInTryton } from "../support/tryton-job.ts";
import { type Tryton, startTryton } from "../support/tryton.ts";

const HOST = "tryton.localhost";

const test = base.extend<{ tryton: Tryton }>({
  // eslint-disable-next-line no-empty-pattern -- Playwright reads the names of fixtures from the pattern
  tryton: async ({}, use, info) => {
    const tryton = await startTryton();
    await use(tryton);
    await tryton.stop();
    if (info.status !== info.expectedStatus) await info.attach("Tryton's output", { body: tryton.output(), contentType: "text/plain" });
  },
  chaperone: async ({ tryton }, use, info) => await lend(await Chaperone.start(["--target", `tryton=${HOST}=${tryton.upstream}`]), use, info),
});

test("a session in Tryton: asked for, approved, worked in, handed back from the banner, and its evidence says what was done", async ({ browser, chaperone, tryton }) => {
  const [scheduler, approver] = chaperone.administrators;
  const account = await privilegedAccount(chaperone);
  const target = await targetNamed(chaperone, "tryton");
  const first = await Console.signIn(browser, chaperone, scheduler);
  const id = await first.schedule(account.name, "Correct a party before month end", target.name);
  const second = await Console.signIn(browser, chaperone, approver);
  await second.open(id);
  await second.act("Approve");
  await expect(first.status("Active")).toBeVisible();

  const paula = await Console.signIn(browser, chaperone, chaperone.privilegedUser);
  const page = await paula.enter(target.name);
  await page.goto(`http://${HOST}:${new URL(chaperone.consoleUrl).port}/#${tryton.database}`);
  const signIn = await signInToTryton(page, tryton);
  const script = await workInTryton(page);

  const field = ["name", "lang.name", "addresses"];
  await expect.poll(async () => await tryton.search("party.party", [], field)).toMatchObject([{ name: PARTY.correctedName }]);
  const addresses = await tryton.search("party.address", [], ["city", "name"]);
  expect(addresses).toMatchObject([{ city: PARTY.city, name: PARTY.buildingName }]);

  await expectBanner(page, account.name);
  const console = await handBackInBanner(page);
  await console.getByRole("button", { name: "Hand back", exact: true }).first().click();
  await console.getByRole("dialog").getByRole("button", { name: "Hand back", exact: true }).click();
  const ended = await reaches(chaperone, id, "Ended");
  expect(ended.end_reason).toBe("handed_back");
  expect((await privilegedAccount(chaperone)).state, "the account is back").toBe("disabled");
  await page.goto(`http://${HOST}:${new URL(chaperone.consoleUrl).port}/`);
  await expect(page.getByRole("heading", { level: 1 }), "the door is closed").toHaveText("The account is disabled");

  const auditor = await Console.signIn(browser, chaperone, chaperone.auditor);
  await auditor.open(id);
  await auditor.tab("Audit log").click();
  for (const words of [scheduler.user_name, approver.user_name, chaperone.privilegedUser.user_name, "BatchProcess", "SystemAdministrator"]) {
    await expect(auditor.page.getByRole("row").filter({ hasText: words }).first()).toBeVisible();
  }
  await auditor.tab("User log").click();
  await expect(auditor.page.getByRole("row").filter({ hasText: /session ended/i })).toBeVisible();
  await auditor.tab("Account").click();
  await expect(auditor.page.getByText("For the session").first(), "the way there").toBeVisible();
  await expect(auditor.page.getByText("Way back").first(), "and back").toBeVisible();

  const api = chaperone.api(chaperone.auditor);
  const recording = await sealedRecording(api, id);
  const steps = await everything<RecordedStep>(api, `/recordings/${recording.id}/steps`);
  signIn.expected.push(...script.expected);
  expectScript(steps, signIn);
  expect(JSON.stringify(steps)).not.toContain(tryton.password);
});
