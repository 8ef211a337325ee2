/** The barrier under faults: no change is released without the evidence before it, and none is refused for nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { stage } from "../server/browser";

const it = stage();
const { gateway } = it;
const CLICKS = 150;

test("in a storm of faults every change waits for its click, none is lost and the chain holds", async () => {
  const recorded = await it.show(`<title>T</title>${Array.from({ length: CLICKS }, (_, i) => `<button id=b${i}>B${i}</button>`).join("")}
    <script>document.addEventListener("click", (event) => { const id = event.target.id; if (!id) return; const n = Number(id.slice(1));
      if (n % 2) fetch("/save/" + id, { method: "POST", body: id }); else { const x = new XMLHttpRequest(); x.open("PUT", "/save/" + id); x.send(id); } });</script>`);
  let seed = 815;
  const random = (limit: number): number => (seed = (seed * 16807) % 2147483647) % limit;
  const faults = ["503", "reset", "wrong mac"] as const;
  for (let i = 0; i < CLICKS; i++) {
    if (random(3) === 0 && gateway.faults.length === 0) gateway.faults.push(faults[random(3)] ?? "503");
    gateway.delay = random(12);
    await it.page.evaluate((id) => document.getElementById(id)?.click(), `b${i}`);
  }
  const saves = (): typeof gateway.seen => gateway.seen.filter((one) => one.path.startsWith("/save/"));
  await gateway.until(() => saves().length === CLICKS, "every change", 60_000);
  for (const seen of saves()) {
    assert.equal(seen.outcome, "released", seen.path);
    const upTo = recorded.batches.slice(0, (seen.sequence ?? -1) + 1);
    const label = seen.path.slice("/save/".length).toUpperCase();
    const holds = upTo.some((batch) => batch.entries.some(([channel, step]) => channel === "s" && (step as { label: string }).label === label));
    assert.ok(holds, `${seen.path} names a batch after its click`);
  }
  assert.equal(recorded.broken, null);
  assert.deepEqual(recorded.steps.map((step) => step.seq), recorded.steps.map((_, i) => i), "no step is missing or doubled");
});

test("the delay that the recorder adds to a change is small", async (context) => {
  await it.show("<title>T</title><button id=go>Go</button>");
  const times = await it.page.evaluate(async () => {
    const all: number[] = [];
    for (let i = 0; i < 100; i++) {
      document.querySelector<HTMLElement>("#go")?.click();
      const began = performance.now();
      await fetch("/save", { method: "POST" });
      all.push(performance.now() - began);
    }
    return all.sort((a, b) => a - b);
  });
  context.diagnostic(`a change with its evidence: p50 ${times[50]?.toFixed(1)} ms, p95 ${times[95]?.toFixed(1)} ms`);
  assert.ok((times[95] ?? Infinity) < 500);
});
