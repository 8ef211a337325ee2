import assert from "node:assert/strict";
import { test } from "node:test";
import { stage } from "../server/browser";

const it = stage();
const { gateway } = it;
const BUTTON = "<title>T</title><h1>Vendors</h1><button id=go>Go</button><p id=out></p>";

test("hello is the first entry, the snapshot follows, the chain holds and nothing is left behind in the page", async () => {
  const recorded = await it.show(BUTTON);
  assert.equal(recorded.health[0]?.["type"], "hello");
  assert.equal(recorded.health[0]?.["frame"], false);
  assert.ok(recorded.batches.some((batch) => batch.flags & 1), "a batch is marked as holding a snapshot");
  assert.equal(recorded.broken, null);
  const left = await it.page.evaluate(() => ({
    tags: document.querySelectorAll("script[data-c]").length,
    html: document.documentElement.outerHTML.includes("data-c"),
    native: [fetch, XMLHttpRequest.prototype.send, WebSocket, alert].map((one) => String(one).includes("[native code]")),
  }));
  assert.deepEqual(left, { tags: 0, html: false, native: [true, true, true, true] });
  assert.deepEqual(it.errors, []);
});

test("nothing global is added to the page", async () => {
  const names = (page: typeof it.page): Promise<string[]> => page.evaluate(() => Object.getOwnPropertyNames(window).sort());
  await it.show(BUTTON);
  const recorded = await names(it.page);
  const bare = await it.context.newPage();
  await bare.goto(gateway.page("/bare.txt", (_request, response) => void response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>T</title><h1>Vendors</h1><button id=go>Go</button><p id=out></p>")));
  assert.deepEqual(recorded, await names(bare));
});

test("a batch without an answer is sent again with the same bytes", async () => {
  const recorded = await it.show(BUTTON);
  const before = recorded.durable;
  gateway.faults = ["503", "reset", "wrong mac"];
  await it.page.click("#go");
  await it.step(recorded, "click", "Go");
  await gateway.until(() => gateway.faults.length === 0, "all faults were met");
  await gateway.until(() => recorded.durable > before + 1, "later batches");
  const again = gateway.attempts.filter((bytes) => bytes.readUInt32BE(22) === before + 1 && bytes.subarray(4, 20).equals(recorded.id));
  assert.ok(again.length >= 4, `${again.length} attempts`);
  for (const bytes of again) assert.ok(bytes.equals(again[0] as Buffer));
  assert.equal(recorded.broken, null);
});

test("an answer that a service worker could have made is no answer", async () => {
  const recorded = await it.show(BUTTON);
  gateway.faults = ["wrong mac", "wrong mac"];
  await it.page.click("#go");
  await it.step(recorded, "click", "Go");
  await gateway.until(() => gateway.faults.length === 0, "both were met");
  assert.equal(recorded.broken, null);
});

test("large snapshots go packed, in an ordinary batch", async () => {
  const rows = Array.from({ length: 3000 }, (_, i) => `<tr><td>${i}</td><td>Vendor ${i * 7919}</td></tr>`).join("");
  const recorded = await it.show(`<title>Many</title><table>${rows}</table>`);
  const batch = recorded.batches.find((one) => one.flags & 1);
  assert.equal(batch?.codec, 1);
  assert.ok(JSON.stringify(batch?.entries).length > 200_000);
});

test("signs of life come while nothing happens", async () => {
  const recorded = await it.show(BUTTON);
  await gateway.until(() => recorded.batches.filter((batch) => batch.entries.length === 0).length >= 2, "two empty batches");
  assert.equal(recorded.broken, null);
});

test("the tail arrives when the page is left, with what was typed last", async () => {
  const recorded = await it.show("<title>T</title><label>Name <input id=name></label>");
  gateway.page("/next", "<title>Next</title>");
  await it.page.fill("#name", "Contoso");
  await it.page.evaluate(() => { location.href = "/next"; });
  await it.page.waitForURL("**/next");
  const change = await it.step(recorded, "change", "Name");
  assert.equal(change.value?.new, "Contoso");
  await gateway.until(() => (recorded.batches.at(-1)?.flags ?? 0) & 8, "the ended flag");
  assert.equal(recorded.broken, null);
});

test("the tail arrives when the tab is closed while a batch is still on its way", async () => {
  const recorded = await it.show("<title>T</title><label>Name <input id=name></label>");
  gateway.faults = ["slow"];
  await it.page.fill("#name", "Fabrikam");
  await it.page.evaluate(() => new Promise((done) => setTimeout(done, 60)));
  await it.page.close({ runBeforeUnload: false });
  const change = await it.step(recorded, "change", "Name");
  assert.equal(change.value?.new, "Fabrikam");
  await gateway.until(() => (recorded.batches.at(-1)?.flags ?? 0) & 8, "the ended flag");
  assert.equal(recorded.broken, null);
});

test("the snapshot command brings a new full snapshot", async () => {
  const recorded = await it.show(BUTTON);
  const count = (): number => recorded.dom.filter((event) => event.type === 2).length;
  await gateway.until(() => count() >= 2, "the one at load");
  const before = count();
  gateway.commands = ["snapshot"];
  await gateway.until(() => count() > before, "one more");
});

test("after a lock changes are refused here, forms stay, and the page says so", async () => {
  const recorded = await it.show(`<title>T</title><form action=/save method=post><input name=a><button id=go>Save</button></form>`);
  gateway.faults = ["409"];
  await it.page.click("input");
  await gateway.until(() => gateway.faults.length === 0, "the lock");
  await it.page.waitForFunction(() => document.documentElement.lastElementChild?.localName === "div");
  const results = await it.page.evaluate(async () => {
    const answer = await fetch("/save", { method: "POST", body: "x" });
    const xhr = new XMLHttpRequest();
    xhr.open("PUT", "/save");
    const status = await new Promise((done) => { xhr.onload = () => done(xhr.status); xhr.send("x"); });
    return { fetch: answer.status, type: ((await answer.json()) as { type: string }).type, xhr: status };
  });
  assert.equal(results.fetch, 428);
  assert.match(results.type, /\/evidence-missing$/);
  assert.equal(results.xhr, 428);
  await it.page.click("#go");
  await it.page.evaluate(() => document.forms[0]?.submit());
  assert.equal(await it.page.evaluate(() => location.pathname), "/");
  assert.equal(gateway.seen.filter((one) => one.method !== "GET").length, 0);
  const attempts = gateway.attempts.length;
  await it.page.evaluate(() => new Promise((done) => setTimeout(done, 2500)));
  assert.equal(gateway.attempts.length, attempts, "nothing is sent any more");
  assert.ok(recorded.durable >= 0);
});

test("back from the back/forward cache the epoch rises, the sequence goes on and a snapshot is taken", async () => {
  const recorded = await it.show(BUTTON);
  const before = recorded.durable;
  await it.page.evaluate(() => {
    window.dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
    window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
  });
  await gateway.until(() => recorded.batches.some((batch) => batch.epoch === 1 && batch.flags & 1), "a snapshot of epoch 1");
  assert.ok(recorded.durable > before);
  assert.ok((recorded.batches.find((batch) => batch.flags & 8)?.epoch ?? 1) === 0);
  await it.page.click("#go");
  await it.step(recorded, "click", "Go");
  assert.equal(recorded.broken, null);
});

test("a real walk away and back continues the same document when the browser kept it", async () => {
  const recorded = await it.show(BUTTON);
  gateway.page("/next", "<title>Next</title>");
  await it.page.goto(`${gateway.origin}/next`);
  await it.page.goBack({ waitUntil: "commit" });
  const kept = gateway.documents.filter((one) => one.path === "/").length === 1;
  const now = gateway.document("/");
  await gateway.until(() => now.batches.some((batch) => batch.epoch === (kept ? 1 : 0) && batch.flags & 1), "its snapshot");
  await it.page.click("#go");
  await it.step(now, "click", "Go");
  assert.equal(recorded.broken, null);
  assert.equal(now.broken, null);
});

test("the banner counts down by the server's clock and does not move the page", async () => {
  gateway.banner = {
    recording: true, account: "erp-admin", user: "paula", reason: "Year-end fixes",
    now: "2026-11-20T17:12:00Z", ends_at: "2026-11-20T17:16:30Z", console_url: "http://console.localhost:8080/my-access",
  };
  const recorded = await it.show(`${BUTTON}<style>html,body{margin:0}</style>`);
  await it.page.waitForFunction(() => document.documentElement.lastElementChild?.localName === "div");
  const box = await it.page.evaluate(() => {
    const host = document.documentElement.lastElementChild as HTMLElement;
    return { closed: host.shadowRoot, height: host.getBoundingClientRect().height, scroll: document.documentElement.scrollHeight <= innerHeight };
  });
  assert.deepEqual(box, { closed: null, height: 0, scroll: true });
  const size = it.page.viewportSize();
  await it.page.mouse.click((size?.width ?? 0) / 2 - 60, (size?.height ?? 0) - 28);
  await it.page.click("#go");
  await it.step(recorded, "click", "Go");
  assert.equal(recorded.steps.filter((step) => step.kind === "click").length, 1, "a click on the banner is no step");
  assert.ok(!JSON.stringify(recorded.dom).includes("erp-admin"), "the banner is not recorded");
});
