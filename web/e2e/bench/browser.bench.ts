/** The barrier's delay, the memory of a recorded sign-in, the recorder's size. Figures go to the terminal. */
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

import type { Page } from "@playwright/test";

import { expect, test } from "../support/chaperone.ts";
import { Console } from "../support/console.ts";
import { activeSession, targetNamed } from "../support/sessions.ts";

/** Changes measured on each side, one after the other. */
const CHANGES = 300;
/** Recorded sign-ins that stay open while we look at the memory. */
const SIGN_INS = 20;
/** Nothing is asked for so long before the memory is read. */
const QUIET_MS = 5_000;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function percentile(sorted: number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

/** How long a small POST takes as the page sees it; the answer is the application's own refusal of an empty order. */
async function delays(page: Page): Promise<number[]> {
  const all = await page.evaluate(async (count) => {
    const times: number[] = [];
    for (let done = 0; done < count; done += 1) {
      const began = performance.now();
      const answer = await fetch("/api/orders", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
      await answer.arrayBuffer();
      if (answer.status === 428) throw new Error("refused for want of evidence");
      times.push(performance.now() - began);
    }
    return times;
  }, CHANGES);
  return all.sort((one, other) => one - other);
}

test("the barrier's delay", async ({ browser, chaperone }) => {
  const target = await targetNamed(chaperone, "erp");
  await activeSession(chaperone, target);
  const [administrator] = chaperone.administrators;
  const everyday = (await Console.signIn(browser, chaperone, administrator)).page;
  await everyday.goto(`${chaperone.targetUrl}/`);
  const paula = await Console.signIn(browser, chaperone, chaperone.privilegedUser);
  const recorded = await paula.enter(target.name);
  await recorded.goto(`${chaperone.targetUrl}/`);
  const without = await delays(everyday);
  const held = await delays(recorded);
  print("| a small POST | p50 ms | p95 ms | p99 ms |\n| --- | --- | --- | --- |");
  for (const [name, times] of [["not recorded", without], ["recorded", held]] as const) {
    print(`| ${name} | ${[0.5, 0.95, 0.99].map((part) => percentile(times, part).toFixed(1)).join(" | ")} |`);
  }
  print(`| added | ${[0.5, 0.95, 0.99].map((part) => (percentile(held, part) - percentile(without, part)).toFixed(1)).join(" | ")} |`);
});

test("the memory of an idle recorded sign-in", async ({ browser, chaperone }) => {
  const target = await targetNamed(chaperone, "erp");
  await activeSession(chaperone, target);
  const residentKiB = async (): Promise<number> => {
    const status = await readFile(`/proc/${chaperone.program.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]);
  };
  const open = async (): Promise<void> => {
    const paula = await Console.signIn(browser, chaperone, chaperone.privilegedUser);
    const page = await paula.enter(target.name);
    await expect(page.getByRole("navigation", { name: "Main" })).toBeVisible();
    await page.goto("about:blank");
  };
  // The first ones fill caches and pools that the others share.
  for (let opened = 0; opened < 3; opened += 1) await open();
  await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  const before = await residentKiB();
  for (let opened = 0; opened < SIGN_INS; opened += 1) await open();
  await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  print(`an idle recorded sign-in: ${Math.round(((await residentKiB()) - before) / SIGN_INS)} KiB`);
});

test("the recorder's size", async () => {
  const script = await readFile(new URL("../../recorder/dist/recorder.js", import.meta.url));
  print(`the recorder: ${(gzipSync(script, { level: 9 }).length / 1024).toFixed(1)} KiB packed, ${(script.length / 1024).toFixed(1)} KiB plain`);
});
