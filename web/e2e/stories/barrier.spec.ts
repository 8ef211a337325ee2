/** No recording, no access. */
import { expect, test } from "../support/chaperone.ts";
import { Console } from "../support/console.ts";
import { type Change, VENDOR } from "../support/erp-job.ts";
import { activeSession, targetNamed } from "../support/sessions.ts";

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

test("without a session the privileged account meets a page that says what to do", async ({ browser, chaperone }) => {
  const paula = await Console.signIn(browser, chaperone, chaperone.privilegedUser);
  const answer = await paula.page.goto(`${chaperone.targetUrl}/`);
  expect(answer?.status()).toBeGreaterThanOrEqual(400);
  await expect(paula.page.getByText(/session/i).first()).toBeVisible();
  await expect(paula.page.getByRole("navigation", { name: "Main" })).toHaveCount(0);
});
