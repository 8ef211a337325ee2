/** The same on a real ERP that we did not write, with a sign-in of its own behind ours. */
import { Chaperone, expect, lend, test as base } from "../support/chaperone.ts";
import { Console } from "../support/console.ts";
import { type RecordedStep, everything, expectScript, sealedRecording } from "../support/recording.ts";
import { activeSession, targetNamed } from "../support/sessions.ts";
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

test("a job in Tryton is recorded step by step, and Tryton holds what was typed", async ({ browser, chaperone, tryton }) => {
  const target = await targetNamed(chaperone, "tryton");
  const session = await activeSession(chaperone, target);
  const paula = await Console.signIn(browser, chaperone, chaperone.privilegedUser);
  const page = await paula.enter(target.name);
  await page.goto(`http://${HOST}:${new URL(chaperone.consoleUrl).port}/#${tryton.database}`);
  const signIn = await signInToTryton(page, tryton);
  const script = await workInTryton(page);

  const field = ["name", "lang.name", "addresses"];
  await expect.poll(async () => await tryton.search("party.party", [], field)).toMatchObject([{ name: PARTY.correctedName }]);
  const addresses = await tryton.search("party.address", [], ["city", "name"]);
  expect(addresses).toMatchObject([{ city: PARTY.city, name: PARTY.buildingName }]);

  const [, approver] = chaperone.administrators;
  await chaperone.api(approver).post(`/privileged-sessions/${session.id}/change-status`, { status: "End" });
  const api = chaperone.api(chaperone.auditor);
  const recording = await sealedRecording(api, session.id);
  const steps = await everything<RecordedStep>(api, `/recordings/${recording.id}/steps`);
  signIn.expected.push(...script.expected);
  expectScript(steps, signIn);
  expect(JSON.stringify(steps)).not.toContain(tryton.password);
});
