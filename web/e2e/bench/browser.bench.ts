/** The barrier's delay, the memory of a recorded sign-in, the recorder's size. Figures go to the terminal. */
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

import type { Page } from "@playwright/test";

import { expect, test } from "../support/chaperone.ts";
import { Console } from "../support/console.ts";
import { activeSession, targetNamed } from "../support/sessions.ts";

/** Changes measured on each side, one after the other. */
const CHANGES = 300;
/** Recorded sign-ins that stay open while we look at the memory, in groups. */
const GROUP = 20;
const GROUPS = 6;

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
  const paula = await Console.signIn(browser, chaperone, chaperone.privilegedUser);
  // Each opening is a sign-in and a recording of its own; the page before has gone, its sign-in is idle.
  const open = async (): Promise<void> => {
    const page = await paula.enter(target.name);
    await expect(page.getByRole("navigation", { name: "Main" })).toBeVisible();
    await page.close();
  };
  // Hashing a password takes some megabytes for a moment, which the allocator gives back later: the low waters of
  // the first and of the last openings are compared.
  const low: number[] = [];
  for (let group = 0; group < GROUPS; group += 1) {
    let lowest = Number.POSITIVE_INFINITY;
    for (let opened = 0; opened < GROUP; opened += 1) {
      await open();
      lowest = Math.min(lowest, await residentKiB());
    }
    low.push(lowest);
  }
  const [first, last] = [low[0] ?? Number.NaN, low.at(-1) ?? Number.NaN];
  const added = (GROUPS - 1) * GROUP;
  print(`an idle recorded sign-in: ${Math.round((last - first) / added)} KiB (${first} KiB, and ${last} KiB with ${added} more)`);
});

test("the recorder's size", async () => {
  const script = await readFile(new URL("../../recorder/dist/recorder.js", import.meta.url));
  print(`the recorder: ${(gzipSync(script, { level: 9 }).length / 1024).toFixed(1)} KiB packed, ${(script.length / 1024).toFixed(1)} KiB plain`);
});
