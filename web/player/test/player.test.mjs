// The replay frame in a real browser, framed by a page on another origin under the policy that the server sends.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, afterEach, before, test } from "node:test";
import { chromium } from "playwright-core";

const BROWSER = process.env.CHAPERONE_BROWSER ?? "/usr/bin/chromium";
const file = (name) => readFileSync(new URL(`../dist/${name}`, import.meta.url));
const TYPES = { html: "text/html; charset=utf-8", js: "text/javascript", css: "text/css" };

let browser, page, consoleServer, replayServer, siteServer, consoleOrigin, replayOrigin, siteOrigin, asked;
const siteAsked = [];

const listen = (server) => new Promise((done) => server.listen(0, "127.0.0.1", () => done(server.address().port)));

before(async () => {
  consoleServer = createServer((request, response) => {
    response.writeHead(200, { "Content-Type": "text/html" });
    response.end("<!doctype html><title>Console</title><style>iframe { width: 400px; height: 300px; border: 0 }</style>");
  });
  replayServer = createServer((request, response) => {
    asked.push(request.url);
    const name = request.url.split("?")[0].slice(1);
    if (!/^(index\.html|player\.(js|css))$/.test(name)) return response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": TYPES[name.split(".").pop()], "Content-Security-Policy": `frame-ancestors ${consoleOrigin}` });
    return response.end(file(name));
  });
  consoleOrigin = `http://127.0.0.1:${await listen(consoleServer)}`;
  replayOrigin = `http://localhost:${await listen(replayServer)}`;
  siteServer = createServer((request, response) => {
    siteAsked.push(request.url);
    response.end();
  });
  siteOrigin = `http://127.0.0.1:${await listen(siteServer)}`;
  browser = await chromium.launch({
    executablePath: BROWSER,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
});

after(async () => {
  await browser?.close();
  consoleServer.close();
  replayServer.close();
  siteServer.close();
});

afterEach(() => page?.context().close());

const T = 1_763_660_000_000;
let id = 0;
const text = (textContent) => ({ type: 3, id: ++id, textContent });
const element = (tagName, attributes, ...childNodes) => ({ type: 2, id: ++id, tagName, attributes, childNodes });
const documentOf = (at, width, ...body) => {
  id = 0;
  const node = { type: 0, id: ++id, childNodes: [{ type: 1, id: ++id, name: "html", publicId: "", systemId: "" }, element("html", {}, element("head", {}), element("body", {}, ...body.map((one) => one())))] };
  return [
    { type: 4, timestamp: at, data: { href: "http://erp.invalid/", width, height: 600 } },
    { type: 2, timestamp: at + 1, data: { node, initialOffset: { top: 0, left: 0 } } },
  ];
};
const mutation = (at, target, words) => ({ type: 3, timestamp: at, data: { source: 0, texts: [{ id: target, value: words }], attributes: [], removes: [], adds: [] } });
const mouse = (at) => ({ type: 3, timestamp: at, data: { source: 1, positions: [{ x: 10, y: 10, id: 5, timeOffset: 0 }] } });

// Ids: 1 document, 2 doctype, then in the order in which the calls are made: text first, its element next.
const SAMPLE = () => {
  const events = documentOf(T, 800, () => element("p", { id: "words" }, text("at first")));
  return [...events, mutation(T + 1000, 4, "later"), mouse(T + 1500), mouse(T + 2000), mutation(T + 2100, 4, "at last")];
};

const open = async (query = `?console=${encodeURIComponent(consoleOrigin)}`) => {
  asked = [];
  page = await browser.newPage();
  await page.goto(consoleOrigin);
  await page.evaluate((src) => {
    window.told = [];
    addEventListener("message", (event) => window.told.push({ ...event.data, origin: event.origin }));
    const frame = document.createElement("iframe");
    frame.sandbox = "allow-scripts allow-same-origin";
    frame.src = src;
    document.body.append(frame);
    return new Promise((done) => (frame.onload = done));
  }, `${replayOrigin}/index.html${query}`);
};
const ask = (message) => page.evaluate(([data, to]) => document.querySelector("iframe").contentWindow.postMessage(data, to), [message, replayOrigin]);
const told = async (like, from = 0) => {
  const found = await page.waitForFunction(
    ([wanted, begin]) => window.told.slice(begin).find((one) => Object.entries(wanted).every(([key, value]) => one[key] === value)),
    [like, from],
    { timeout: 8000 },
  );
  return found.jsonValue();
};
const count = () => page.evaluate(() => window.told.length);
const shown = async () => {
  const frame = page.frames().find((one) => one.parentFrame()?.url().startsWith(replayOrigin));
  // A load replaces the inner frame: ask the next one then.
  return frame ? frame.locator("body").innerText().catch(() => "") : "";
};
const showsWords = async (words) => {
  for (let i = 0; i < 80; i++) {
    if ((await shown()).includes(words)) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.fail(`${words} is not shown, but ${await shown()}`);
};

test("it says that it is ready, loads paused at the first event, and tells size and duration", async () => {
  await open();
  assert.equal((await told({ type: "ready" })).origin, replayOrigin);
  await ask({ type: "load", events: SAMPLE() });
  assert.deepEqual([(await told({ type: "size" })).width, (await told({ type: "size" })).height], [800, 600]);
  assert.equal((await told({ type: "state", state: "paused" })).duration_ms, 2100);
  await ask({ type: "seek", offset_ms: 500 });
  await showsWords("at first");
});

test("it jumps to a moment, forward and back", async () => {
  await open();
  await ask({ type: "load", events: SAMPLE(), start: T - 5000 });
  await ask({ type: "seek", offset_ms: 6200 });
  await told({ type: "time", offset_ms: 6200 });
  await showsWords("later");
  await ask({ type: "seek", offset_ms: 5500 });
  await showsWords("at first");
  await ask({ type: "seek", offset_ms: 99_000 });
  await told({ type: "time", offset_ms: 7100 });
  await showsWords("at last");
});

test("it plays to the end at the speed asked for, and can be paused", async () => {
  await open();
  await ask({ type: "load", events: SAMPLE() });
  await ask({ type: "speed", speed: 4 });
  await ask({ type: "play" });
  await told({ type: "state", state: "playing" });
  await told({ type: "end" });
  await showsWords("at last");
  const times = await page.evaluate(() => window.told.filter((one) => one.type === "time").map((one) => one.offset_ms));
  assert.deepEqual([...times].sort((a, b) => a - b), times, "time never runs back");
  const from = await count();
  await ask({ type: "speed", speed: 0.5 });
  await ask({ type: "play", offset_ms: 0 });
  await told({ type: "state", state: "playing" }, from);
  await ask({ type: "pause" });
  await told({ type: "state", state: "paused" }, from);
  await showsWords("at first");
});

test("documents one after another play from one list, or by a new load", async () => {
  await open();
  const second = documentOf(T + 3000, 1000, () => element("h1", {}, text("second page")));
  await ask({ type: "load", events: [...SAMPLE(), ...second, mouse(T + 3500)] });
  await ask({ type: "seek", offset_ms: 3200 });
  await showsWords("second page");
  await told({ type: "size", width: 1000 });
  await ask({ type: "seek", offset_ms: 100 });
  await showsWords("at first");
  await ask({ type: "load", events: [...second, mouse(T + 3500)], start: T, offset_ms: 3100 });
  await showsWords("second page");
});

test("a live recording goes on when more arrives", async () => {
  await open();
  await ask({ type: "load", events: SAMPLE(), live: true });
  await told({ type: "end" });
  await showsWords("at last");
  const from = await count();
  await ask({ type: "append", events: [mutation(T + 2600, 4, "just now"), mouse(T + 2700)] });
  await told({ type: "end" }, from);
  await showsWords("just now");
});

test("it scales to fit and outlines the node of a step", async () => {
  await open();
  await ask({ type: "load", events: SAMPLE() });
  await told({ type: "state", state: "paused" });
  await ask({ type: "seek", offset_ms: 500 });
  await showsWords("at first");
  await ask({ type: "outline", node: 5 });
  const inner = page.frames().find((one) => one.url().startsWith(replayOrigin));
  await inner.waitForSelector(".chaperone-outline");
  const box = await inner.evaluate(() => document.querySelector(".replayer-wrapper").getBoundingClientRect().toJSON());
  assert.ok(box.width <= 400.5 && box.height <= 300.5 && box.width > 350, JSON.stringify(box));
  assert.ok(await inner.evaluate(() => document.querySelector(".replayer-mouse") !== null), "the mouse is there");
});

test("nothing is loaded from the recorded site and no script of a recording runs", async () => {
  await open();
  const refused = [];
  page.on("requestfailed", (request) => request.failure()?.errorText === "csp" && refused.push(request.url()));
  const events = documentOf(
    T, 800,
    () => element("img", { src: `${siteOrigin}/logo.png`, onerror: "parent.parent.postMessage('hacked', '*')" }),
    () => element("link", { rel: "stylesheet", href: `${siteOrigin}/style.css` }),
    () => element("script", { src: `${siteOrigin}/evil.js` }),
    () => element("iframe", { src: `${siteOrigin}/frame`, rr_src: `${siteOrigin}/frame` }),
    () => element("style", { _cssText: `body { background: url(${siteOrigin}/bg.png) }` }),
    () => element("p", { onclick: "alert(1)" }, text("hostile")),
  );
  await ask({ type: "load", events: [...events, mouse(T + 100)] });
  await told({ type: "state", state: "paused" });
  await ask({ type: "seek", offset_ms: 90 });
  await showsWords("hostile");
  // The browser itself says that each was refused, and the site has heard of none.
  for (const name of ["logo.png", "style.css", "bg.png"]) {
    for (let i = 0; i < 80 && !refused.some((url) => url.endsWith(name)); i++) await new Promise((done) => setTimeout(done, 50));
    assert.ok(refused.some((url) => url.endsWith(name)), name);
  }
  assert.deepEqual(siteAsked, []);
  assert.equal(await page.evaluate(() => window.told.some((one) => JSON.stringify(one).includes("hacked"))), false);
});

test("messages from another origin or another window are not heard, broken ones are answered", async () => {
  await open(`?console=${encodeURIComponent("http://elsewhere.invalid")}`);
  await ask({ type: "load", events: SAMPLE() });
  await ask({ type: "play" });
  const frame = page.frames().find((one) => one.url().startsWith(replayOrigin));
  await frame.evaluate(() => new Promise((done) => setTimeout(done, 200)));
  assert.equal(await frame.locator(".replayer-wrapper").count(), 0);
  assert.equal(await count(), 0);
  await page.context().close();

  await open("?console=javascript:1");
  assert.equal(await count(), 0);
  await page.context().close();

  await open();
  await told({ type: "ready" });
  for (const message of [null, 7, { type: "load", events: [{ type: "x" }] }, { type: "seek" }, { type: "what" }]) {
    const from = await count();
    await ask(message);
    await told({ type: "error", what: "bad_message" }, from);
  }
  await ask({ type: "load", events: [] });
  await told({ type: "error", what: "no_events" });
  assert.ok(asked.every((url) => /^\/(index\.html|player\.(js|css)|favicon)/.test(url)), asked.join());
});
