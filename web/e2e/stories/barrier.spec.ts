/** No recording, no access. */
import { expect, test } from "../support/chaperone.ts";
import { Console } from "../support/console.ts";
import { type Change, VENDOR } from "../support/erp-job.ts";
import { type RecordedStep, everything, sealedRecording } from "../support/recording.ts";
import { activeSession, reaches, targetNamed } from "../support/sessions.ts";

test("whoever blocks the recorder can change nothing, and the page says so", async ({ browser, chaperone }) => {
  const target = await targetNamed(chaperone, "erp");
  await activeSession(chaperone, target);
  const paula = await Console.signIn(browser, chaperone, chaperone.privilegedUser);
  await paula.context.route(/\/\.chaperone\/[0-9a-f]+\/recorder\.js$/, (route) => route.abort());
  const page = await paula.enter(target.name);
  await page.goto(`${chaperone.targetUrl}/vendors/${VENDOR}`);
  await expect(page.getByLabel("Contact person")).toBeVisible();

  const refused = await page.evaluate(async () => (await fetch("/api/orders", { method: "POST", body: "{}" })).status);
  expect(refused).toBe(428);
  await page.getByLabel("Contact person").fill("Nobody");
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.request().method() === "POST"),
    page.getByRole("button", { name: "Save" }).click(),
  ]);
  expect(answer.status()).toBe(428);
  await expect(page.getByText(/record/i).first()).toBeVisible();

  const [administrator] = chaperone.administrators;
  const everyday = await Console.signIn(browser, chaperone, administrator);
  await everyday.page.goto(`${chaperone.targetUrl}/`);
  const changes = await everyday.page.evaluate(async () => (await (await fetch("/api/changes")).json()) as Change[]);
  expect(changes.filter((change) => change.record === VENDOR)).toEqual([]);
});

test("a recorder that is killed in the middle stops the next change", async ({ browser, chaperone }) => {
  const target = await targetNamed(chaperone, "erp");
  await activeSession(chaperone, target);
  const paula = await Console.signIn(browser, chaperone, chaperone.privilegedUser);
  const page = await paula.enter(target.name);
  await page.goto(`${chaperone.targetUrl}/vendors/${VENDOR}`);
  await page.getByLabel("Contact person").fill("Recorded");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("The vendor was saved.")).toBeVisible();

  await paula.context.route(/\/\.chaperone\/v1\/batch$/, (route) => route.abort());
  await page.getByLabel("Contact person").fill("Not recorded");
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.request().method() === "POST" && !response.url().includes("/.chaperone/")),
    page.getByRole("button", { name: "Save" }).click(),
  ]);
  expect(answer.status()).toBe(428);
});

test("on a full disk nothing is changed, and the work goes on when there is room again", async ({ browser, fragile: chaperone }) => {
  const target = await targetNamed(chaperone, "erp");
  const session = await activeSession(chaperone, target);
  const paula = await Console.signIn(browser, chaperone, chaperone.privilegedUser);
  const page = await paula.enter(target.name);
  await page.goto(`${chaperone.targetUrl}/vendors/${VENDOR}`);
  const save = async (contact: string): Promise<number> => {
    await page.getByLabel("Contact person").fill(contact);
    const [answer] = await Promise.all([
      page.waitForResponse((response) => response.request().method() === "POST" && !response.url().includes("/.chaperone/")),
      page.getByRole("button", { name: "Save" }).click(),
    ]);
    return answer.status();
  };
  expect(await save("Before")).toBeLessThan(400);
  await expect(page.getByText("The vendor was saved.")).toBeVisible();
  const readiness = async (): Promise<number> => await paula.page.evaluate(async () => (await fetch("/readyz")).status);
  expect(await readiness()).toBe(200);

  chaperone.program.limitFiles(0);
  expect(await save("While it was full")).toBeGreaterThanOrEqual(400);
  await expect.poll(readiness).toBe(503);

  chaperone.program.limitFiles("unlimited");
  await expect.poll(readiness).toBe(200);
  await page.goto(`${chaperone.targetUrl}/vendors/${VENDOR}`);
  expect(await save("Afterwards")).toBeLessThan(400);
  await expect(page.getByText("The vendor was saved.")).toBeVisible();

  const changes = await page.evaluate(async () => (await (await fetch("/api/changes")).json()) as Change[]);
  expect(changes.filter((change) => change.record === VENDOR).map((change) => change.new)).toEqual(["Before", "Afterwards"]);
  const [, approver] = chaperone.administrators;
  await chaperone.api(approver).post(`/privileged-sessions/${session.id}/change-status`, { status: "End" });
  await reaches(chaperone, session.id, "Ended");
  const api = chaperone.api(chaperone.auditor);
  const recording = await sealedRecording(api, session.id);
  const steps = await everything<RecordedStep>(api, `/recordings/${recording.id}/steps`);
  const typed = steps.filter((step) => step.kind === "change").map((step) => step.value?.new);
  expect(typed).toEqual(expect.arrayContaining(["Before", "Afterwards"]));
});

test("without a session the privileged account meets a page that says what to do", async ({ browser, chaperone }) => {
  const paula = await Console.signIn(browser, chaperone, chaperone.privilegedUser);
  const answer = await paula.page.goto(`${chaperone.targetUrl}/`);
  expect(answer?.status()).toBeGreaterThanOrEqual(400);
  await expect(paula.page.getByText(/session/i).first()).toBeVisible();
  await expect(paula.page.getByRole("navigation", { name: "Main" })).toHaveCount(0);
});
