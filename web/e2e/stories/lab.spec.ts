/** The pages that are awkward for a recorder: the sample ERP's lab, in a real browser, through the gateway. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import type { Page, Response } from "@playwright/test";

import { type Chaperone, expect, test } from "../support/chaperone.ts";
import { Console } from "../support/console.ts";
import { type Exchange, type RecordedStep, type Recording, everything, sealedRecording } from "../support/recording.ts";
import { type PrivilegedSession, activeSession, privilegedAccount, reaches, targetNamed } from "../support/sessions.ts";

/** No script may run in it, ours neither. */
const WITHOUT_SCRIPTS = "sandbox";
/** To a browser these pages belong to no site: it sends no sign-in with their forms. */
const WITHOUT_ORIGIN = [WITHOUT_SCRIPTS, "sandbox-scripts"];
const FRAMES = 10;
const ELSEWHERE = "A page from elsewhere";

/** What the lab says that it took. */
interface Received {
  account: string;
  method: string;
  path: string;
  body_preview: string;
}

interface Marks {
  inline: string | undefined;
  external: string | undefined;
}

test("the lab's pages work as they do without a recorder, and the recording explains every change in them", async ({ browser, chaperone }) => {
  test.slow();
  const target = await targetNamed(chaperone, "erp");
  const session = await activeSession(chaperone, target);
  const [administrator] = chaperone.administrators;
  const everyday = await Console.signIn(browser, chaperone, administrator);
  const paula = await Console.signIn(browser, chaperone, chaperone.privilegedUser);
  const page = await paula.enter(target.name);
  const rows = await policyRows(page, chaperone);

  for (const row of rows) {
    await test.step(`policy ${row}`, async () => {
      const address = `${chaperone.targetUrl}/lab/csp/${row}`;
      await everyday.page.goto(address);
      await page.goto(address);
      expect(await marks(page), "the page's own scripts run as they do without a recorder").toEqual(await marks(everyday.page));
      if (row !== WITHOUT_SCRIPTS) await expectRecorder(page);
      await send(page, row, WITHOUT_ORIGIN.includes(row) ? "You are not signed in" : "Lab: done");
    });
  }
  await test.step("six changes beside two event streams", async () => await sixBesideTwoStreams(page, chaperone));
  await test.step("a double click", async () => await doubleClick(page, chaperone));
  await test.step("ten frames", async () => await workInFrames(page, chaperone));
  const foreign = await test.step("a frame from elsewhere", async () => await showForeignFrame(page, chaperone));

  const { recording, steps, exchanges } = await evidence(chaperone, session);
  const { name } = await privilegedAccount(chaperone);
  const taken = (await received(everyday.page, chaperone)).filter((one) => one.account === name);
  const changes = exchanges.filter((one) => one.kind === "change" && one.method === "POST" && one.outcome !== "refused");

  // Nothing was done twice, nothing was lost, nothing came past the recording.
  expect(changes.map((one) => pathOf(one.url)).sort()).toEqual(taken.map((one) => one.path).sort());
  const explained = new Set(steps.flatMap((step) => step.exchange_ids));
  for (const change of changes) expect(explained.has(change.id), `a step explains ${change.url}`).toBe(true);

  const typed = new Set(steps.filter((step) => step.kind === "change").map((step) => step.value?.new));
  for (const row of rows) {
    const bodies = taken.map((one) => one.body_preview).filter((body) => body === `amount=${row}`);
    expect(bodies, row).toHaveLength(WITHOUT_ORIGIN.includes(row) ? 0 : 1);
    expect(typed.has(row), `what was typed on ${row} is recorded`).toBe(row !== WITHOUT_SCRIPTS);
  }

  const six = exchanges.filter((one) => one.url.includes("via=six&"));
  expect(six.map((one) => one.outcome)).toEqual(Array(6).fill("done"));
  const click = steps.find((step) => step.kind === "click" && step.label.startsWith("Six at once"));
  expect(new Set(click?.exchange_ids), "one click explains all six").toEqual(new Set(six.map((one) => one.id)));

  expect(changes.filter((one) => one.url.includes("via=double&"))).toHaveLength(1);
  const slow = changes.filter((one) => one.url.includes("via=slow&")).map((one) => `${/click=\d/.exec(one.url)?.[0]} ${one.outcome}`);
  expect(slow, "whoever ends a navigation does not know what became of it").toEqual(["click=1 unknown", "click=2 done"]);

  for (let number = 1; number <= FRAMES; number += 1) {
    expect(typed.has(`in frame ${number}`), `what was typed in frame ${number} is recorded`).toBe(true);
  }
  const picture = await chaperone.api(chaperone.auditor).download(`/recordings/${recording.id}/download?format=rrweb`);
  expect(picture.text.includes("in no address"), "a frame without an address is in the picture of its page").toBe(true);
  expect(picture.text.includes(ELSEWHERE), "what stands in a foreign frame is not recorded").toBe(false);
  expect(recording.coverage.areas_not_recorded, `the recording says that ${foreign} is missing`).toBe(1);
  const watcher = await Console.signIn(browser, chaperone, chaperone.auditor);
  await watcher.page.goto(`${chaperone.consoleUrl}/recordings/${recording.id}`);
  await watcher.page.getByRole("button", { name: "1 thing is missing" }).click();
  await expect(watcher.page.getByRole("listitem").filter({ hasText: `The frame ${foreign}` }), "and names it").toBeVisible();
});

async function policyRows(page: Page, chaperone: Chaperone): Promise<string[]> {
  await page.goto(`${chaperone.targetUrl}/lab`);
  const links = page.getByRole("region", { name: "Policies" }).getByRole("link");
  const rows = await links.allTextContents();
  expect(rows).toContain(WITHOUT_SCRIPTS);
  return rows;
}

/** Which of the page's own scripts ran. */
async function marks(page: Page): Promise<Marks> {
  return await page.locator("html").evaluate(({ dataset }) => ({ inline: dataset["inline"], external: dataset["external"] }));
}

/** The sign that the page is recorded floats beside the body; the gateway has acknowledged the recorder by then. */
async function expectRecorder(page: Page): Promise<void> {
  await expect(page.locator("html > div")).toBeAttached();
}

async function send(page: Page, amount: string, answer: string): Promise<void> {
  await page.getByLabel("Amount").fill(amount);
  await page.getByRole("button", { name: "Send" }).click();
  await expect(page.getByRole("heading", { name: answer })).toBeVisible();
}

/** A browser opens six connections to a host with HTTP/1.1: two are taken, and the evidence needs one of the rest. */
async function sixBesideTwoStreams(page: Page, chaperone: Chaperone): Promise<void> {
  await page.goto(`${chaperone.targetUrl}/lab/senders`);
  const stream = (name: string): Promise<Response> => page.waitForResponse((response) => response.url().endsWith(`/events?stream=${name}`));
  const [clock, queue] = await Promise.all([
    stream("clock"),
    stream("queue"),
    page.getByRole("button", { name: "Six at once beside two event streams" }).click(),
  ]);
  expect([clock.status(), queue.status()]).toEqual([200, 200]);
  await expect(page.locator("#outcome")).toHaveText("six: 200 200 200 200 200 200");
}

/** Of a quick double click a browser sends one form. A second click later ends the navigation that the first began. */
async function doubleClick(page: Page, chaperone: Chaperone): Promise<void> {
  const button = page.getByRole("button", { name: "Double click me" });
  await page.goto(`${chaperone.targetUrl}/lab/senders`);
  await button.dblclick();
  await expect(page.getByRole("heading", { name: "Lab: done" })).toBeVisible();

  await page.goto(`${chaperone.targetUrl}/lab/senders`);
  // In the page, once the application has the first: Playwright's clicks wait for the end of a navigation.
  await page.getByRole("form", { name: "Slow form" }).evaluate((form: HTMLFormElement) => {
    let clicks = 0;
    const again = async (): Promise<void> => {
      while (!(await (await fetch("/lab/received")).text()).includes("click=1"));
      form.querySelector("button")?.click();
    };
    form.addEventListener("submit", () => {
      clicks += 1;
      form.action = `/lab/sink?via=slow&click=${clicks}&delay_ms=4000&then=/lab/done`;
      if (clicks === 1) void again();
    });
  });
  await button.click();
  await expect(page.getByRole("heading", { name: "Lab: done" })).toBeVisible();
}

async function workInFrames(page: Page, chaperone: Chaperone): Promise<void> {
  await page.goto(`${chaperone.targetUrl}/lab/frames`);
  for (let number = 1; number <= FRAMES; number += 1) {
    const frame = page.frameLocator(`iframe[title="Frame ${number}"]`);
    await frame.getByLabel(`Value in frame ${number}`).fill(`in frame ${number}`);
    await frame.getByRole("button", { name: "Send by fetch" }).click();
    await expect(frame.locator("html")).toHaveAttribute("data-sent", "true");
  }
  await page.frameLocator('iframe[title="Frame without an address"]').getByLabel("Inner field").pressSequentially("in no address");
}

/** On a page whose policy allows it; answers its address. */
async function showForeignFrame(page: Page, chaperone: Chaperone): Promise<string> {
  const server = createServer((_, answer) => answer.setHeader("Content-Type", "text/html").end(`<!doctype html><p>${ELSEWHERE}`));
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await page.goto(`${chaperone.targetUrl}/lab/csp/strict-dynamic`);
  await page.evaluate((src) => document.body.append(Object.assign(document.createElement("iframe"), { src })), address);
  await expect(page.frameLocator("iframe").getByText(ELSEWHERE)).toBeVisible();
  await send(page, "beside a frame", "Lab: done");
  server.close();
  return address;
}

/** Asked by somebody who is not recorded. */
async function received(witness: Page, chaperone: Chaperone): Promise<Received[]> {
  const answer = await witness.goto(`${chaperone.targetUrl}/lab/received`);
  return (await answer?.json()) as Received[];
}

async function evidence(
  chaperone: Chaperone,
  session: PrivilegedSession,
): Promise<{ recording: Recording; steps: RecordedStep[]; exchanges: Exchange[] }> {
  const [, approver] = chaperone.administrators;
  await chaperone.api(approver).post(`/privileged-sessions/${session.id}/change-status`, { status: "End" });
  await reaches(chaperone, session.id, "Ended");
  const api = chaperone.api(chaperone.auditor);
  const recording = await sealedRecording(api, session.id);
  const steps = await everything<RecordedStep>(api, `/recordings/${recording.id}/steps`);
  const exchanges = await everything<Exchange>(api, `/recordings/${recording.id}/exchanges`);
  return { recording, steps, exchanges };
}

function pathOf(url: string): string {
  return url.replace(/^https?:\/\/[^/]+/, "");
}
