// test/browser/transport.test.ts
import assert from "node:assert/strict";
import { test } from "node:test";

// test/server/browser.ts
import { after, afterEach, before } from "node:test";
import { chromium } from "playwright-core";

// test/server/reference.ts
import { createHmac, hkdfSync, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { WebSocketServer } from "ws";
var RecordedDocument = class {
  constructor(path, id, key) {
    this.path = path;
    this.id = id;
    this.key = key;
  }
  path;
  id;
  key;
  batches = [];
  early = /* @__PURE__ */ new Map();
  broken = null;
  used = /* @__PURE__ */ new Set();
  mac(...parts) {
    const hmac = createHmac("sha256", this.key);
    for (const part of parts) hmac.update(part);
    return hmac.digest().subarray(0, 16);
  }
  of(channel) {
    return this.batches.flatMap((batch) => batch.entries.filter(([name]) => name === channel).map(([, payload]) => payload));
  }
  get steps() {
    return this.of("s");
  }
  get intents() {
    return this.of("i");
  }
  get dom() {
    return this.of("d");
  }
  get health() {
    return this.of("h");
  }
  get durable() {
    return this.batches.length - 1;
  }
};
var ReferenceGateway = class {
  documents = [];
  seen = [];
  messages = [];
  attempts = [];
  /** Taken from in front: how the next batches are answered. */
  faults = [];
  commands = [];
  banner = null;
  hosts = [];
  /** Milliseconds until a batch is durable. */
  delay = 0;
  port = 0;
  #pages = /* @__PURE__ */ new Map();
  #secret = randomBytes(32);
  #server;
  #sockets = /* @__PURE__ */ new Set();
  #script = readFileSync(join("/work/main/web/recorder", "dist/recorder.js"));
  #changed = [];
  constructor() {
    this.#server = createServer((request, response) => void this.#handle(request, response));
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    const upgrades = new WebSocketServer({ noServer: true });
    this.#server.on("upgrade", (request, socket, head) => {
      const url = new URL(request.url ?? "/", this.origin);
      const token = url.searchParams.get("__chp");
      const plain = (request.url ?? "").replace(/[?&]__chp=[^&]*/, "");
      const document2 = token ? this.#checkToken(token, "WEBSOCKET", plain) : null;
      if (!document2) return void socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      upgrades.handleUpgrade(request, socket, head, (webSocket) => this.#talk(webSocket, document2.document));
    });
  }
  get origin() {
    return `http://127.0.0.1:${this.port}`;
  }
  async start() {
    await new Promise((done) => this.#server.listen(0, "127.0.0.1", done));
    this.port = this.#server.address().port;
  }
  async stop() {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => this.#server.close(done));
  }
  page(path, html) {
    this.#pages.set(path, html);
    return this.origin + path;
  }
  forget() {
    this.documents.length = 0;
    this.seen.length = 0;
    this.messages.length = 0;
    this.attempts.length = 0;
    this.faults = [];
    this.commands = [];
    this.banner = null;
    this.delay = 0;
    this.#pages.clear();
  }
  /** The newest document of a path. */
  document(path) {
    const found = this.documents.filter((one) => one.path === path).at(-1);
    if (!found) throw new Error(`no document ${path}`);
    return found;
  }
  /** Waits until `look` finds something. */
  async until(look, what, within = 8e3) {
    const end = Date.now() + within;
    for (; ; ) {
      const found = look();
      if (found) return found;
      if (Date.now() > end) throw new Error(`not within ${within} ms: ${what}`);
      await new Promise((done) => {
        const timer = setTimeout(done, 250);
        this.#changed.push(() => (clearTimeout(timer), done()));
      });
    }
  }
  #notify() {
    const all = this.#changed;
    this.#changed = [];
    for (const one of all) one();
  }
  async #handle(request, response) {
    const parts = [];
    try {
      for await (const part of request) parts.push(part);
    } catch {
      return;
    }
    const body = Buffer.concat(parts);
    const address = request.url ?? "/";
    const path = address.split("?")[0] ?? "/";
    if (path === "/.chaperone/test/recorder.js") {
      response.writeHead(200, { "Content-Type": "text/javascript; charset=utf-8", "Cache-Control": "max-age=31536000, immutable" });
      response.end(this.#script);
    } else if (path === "/.chaperone/v1/batch") {
      await this.#take(body, response);
    } else {
      await this.#forward(request, response, address, path, body);
    }
    this.#notify();
  }
  async #forward(request, response, address, path, body) {
    const method = request.method ?? "GET";
    const safe = /^(GET|HEAD|OPTIONS)$/.test(method);
    const token = request.headers["x-chaperone"];
    const seen = {
      method,
      path: address,
      body: body.toString("latin1"),
      headers: request.headers,
      outcome: safe ? "safe" : "refused",
      by: "nothing",
      sequence: null,
      arrivedDurable: -1
    };
    if (token) {
      const checked = this.#checkToken(token, method, address);
      if (checked) {
        seen.by = "header";
        seen.sequence = checked.sequence;
        seen.arrivedDurable = checked.document.durable;
        if (!safe && await this.#waitFor(() => checked.document.durable >= checked.sequence)) seen.outcome = "released";
      }
    } else if (!safe) {
      const found = await this.#waitFor(() => {
        for (const document2 of this.documents) {
          for (const intent of document2.intents) {
            if (document2.used.has(intent) || intent.method !== method || intent.url !== address) continue;
            document2.used.add(intent);
            return true;
          }
        }
        return false;
      });
      if (found) {
        seen.by = "intent";
        seen.outcome = "released";
      }
    }
    this.seen.push(seen);
    if (!safe && seen.outcome === "refused") {
      response.writeHead(428, { "Content-Type": "application/problem+json" }).end('{"type":"/evidence-missing"}');
      return;
    }
    const page = this.#pages.get(path);
    if (typeof page === "function") return page(request, response, body);
    if (page === void 0) return void response.writeHead(method === "GET" ? 404 : 200, { "Content-Type": "text/plain" }).end(`done ${method}`);
    const id = randomBytes(16);
    const key = Buffer.from(hkdfSync("sha256", this.#secret, id, "chaperone document v1", 32));
    this.documents.push(new RecordedDocument(path, id, key));
    const tag = `<script src="/.chaperone/test/recorder.js" data-c="${Buffer.concat([id, key]).toString("base64url")}"></script>`;
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
    response.end(`<!doctype html>${tag}${page}`);
  }
  async #waitFor(look) {
    return this.until(() => look() || null, "evidence", 2e3).then(() => true, () => false);
  }
  #checkToken(token, method, address) {
    const [id, sequence, mac] = token.split(".");
    const document2 = this.documents.find((one) => one.id.toString("base64url") === id);
    if (!document2 || sequence === void 0) return null;
    const right = document2.mac(`req:${sequence}:${method}:${address}`).toString("base64url");
    return right === mac ? { document: document2, sequence: Number(sequence) } : null;
  }
  #talk(socket, document2) {
    socket.on("message", (data, binary) => {
      const at = binary ? 4 : data.indexOf("|") + 1;
      const sequence = binary ? data.readUInt32BE(0) : Number(data.subarray(0, at - 1).toString());
      void this.#waitFor(() => document2.durable >= sequence).then((durable) => {
        this.messages.push({ sequence, data: data.subarray(at), text: !binary, durable });
        socket.send(data.subarray(at), { binary });
        this.#notify();
      });
    });
  }
  async #take(bytes, response) {
    this.attempts.push(bytes);
    const document2 = this.documents.find((one) => one.id.equals(bytes.subarray(4, 20)));
    const fault = this.faults.shift();
    if (!document2) return void response.writeHead(409).end('{"commands":["lock"]}');
    if (fault === "reset") return void response.socket?.destroy();
    if (fault === "503") return void response.writeHead(503).end("{}");
    if (fault === "409") return void response.writeHead(409).end('{"commands":["lock"]}');
    const wait = fault === "slow" ? 700 : this.delay;
    if (wait > 0) await new Promise((done) => setTimeout(done, wait));
    const problem = this.#append(document2, bytes);
    if (problem) {
      document2.broken = problem;
      return void response.writeHead(409).end('{"commands":["lock"]}');
    }
    this.#notify();
    const body = JSON.stringify({
      document: document2.id.toString("hex"),
      durable_sequence: document2.durable,
      lease_ms: 5e3,
      commands: this.documents.includes(document2) ? this.commands.splice(0) : [],
      banner: this.banner,
      hosts: [`127.0.0.1:${this.port}`, ...this.hosts]
    });
    const mac = fault === "wrong mac" ? randomBytes(16) : document2.mac("ack:", body);
    response.writeHead(200, { "Content-Type": "application/json", "X-Chaperone-Mac": mac.toString("base64url") });
    response.end(body);
  }
  #append(document2, bytes) {
    const before2 = bytes.subarray(0, bytes.length - 16);
    if (bytes.subarray(0, 4).toString() !== "CHB1") return "magic";
    if (!document2.mac("batch:", before2).equals(bytes.subarray(bytes.length - 16))) return "mac";
    const sequence = bytes.readUInt32BE(22);
    const known = document2.batches[sequence];
    if (known) return known.bytes.equals(bytes) ? null : "other bytes under the same sequence";
    const flags = bytes[27] ?? 0;
    if (sequence !== document2.batches.length) {
      if (!(flags & 4)) return `gap: ${sequence} after ${document2.durable}`;
      document2.early.set(sequence, bytes);
      return null;
    }
    const last = document2.batches.at(-1)?.bytes;
    const previous = last ? last.subarray(last.length - 16) : Buffer.alloc(16);
    if (!previous.equals(bytes.subarray(42, 58))) return "chain";
    const codec = bytes[26] ?? 0;
    const body = before2.subarray(58);
    if (body.length !== bytes.readUInt32BE(38)) return "length";
    const entries = JSON.parse((codec === 1 ? gunzipSync(body) : body).toString("utf8"));
    if (entries.length !== bytes.readUInt16BE(36)) return "count";
    if (sequence === 0 && entries[0]?.[1]?.type !== "hello") return "no hello";
    document2.batches.push({ sequence, epoch: bytes.readUInt16BE(20), flags, codec, bytes, entries });
    const next = document2.early.get(sequence + 1);
    return next ? this.#append(document2, next) : null;
  }
};

// test/server/browser.ts
var BROWSER = process.env["CHAPERONE_BROWSER"] ?? "/usr/bin/chromium";
var stage = () => {
  const it2 = { gateway: new ReferenceGateway(), errors: [] };
  before(async () => {
    await it2.gateway.start();
    it2.browser = await chromium.launch({
      executablePath: BROWSER,
      ignoreDefaultArgs: ["--disable-back-forward-cache"],
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync"
      ]
    });
  });
  after(async () => {
    await it2.browser?.close();
    await it2.gateway.stop();
  });
  afterEach(async () => {
    await it2.context?.close();
    it2.gateway.forget();
  });
  it2.show = async (html, path = "/") => {
    it2.errors.length = 0;
    it2.context = await it2.browser.newContext();
    it2.page = await it2.context.newPage();
    it2.page.on("pageerror", (error) => it2.errors.push(String(error)));
    await it2.page.goto(it2.gateway.page(path, html));
    const document2 = it2.gateway.document(path);
    await it2.gateway.until(() => document2.dom.some((event) => event.type === 2), "the first snapshot");
    return document2;
  };
  it2.step = (document2, kind, label, nth = 0) => it2.gateway.until(
    () => document2.steps.filter((step) => step.kind === kind && (label === void 0 || step.label === label))[nth],
    `step ${kind} ${label ?? ""}; there are ${JSON.stringify(document2.steps.map((step) => [step.kind, step.label, step.value?.new]))}`
  );
  return it2;
};

// test/browser/transport.test.ts
var it = stage();
var { gateway } = it;
var BUTTON = "<title>T</title><h1>Vendors</h1><button id=go>Go</button><p id=out></p>";
test("hello is the first entry, the snapshot follows, the chain holds and nothing is left behind in the page", async () => {
  const recorded = await it.show(BUTTON);
  assert.equal(recorded.health[0]?.["type"], "hello");
  assert.equal(recorded.health[0]?.["frame"], false);
  assert.ok(recorded.batches.some((batch) => batch.flags & 1), "a batch is marked as holding a snapshot");
  assert.equal(recorded.broken, null);
  const left = await it.page.evaluate(() => ({
    tags: document.querySelectorAll("script[data-c]").length,
    html: document.documentElement.outerHTML.includes("data-c"),
    native: [fetch, XMLHttpRequest.prototype.send, WebSocket, alert].map((one) => String(one).includes("[native code]"))
  }));
  assert.deepEqual(left, { tags: 0, html: false, native: [true, true, true, true] });
  assert.deepEqual(it.errors, []);
});
test("nothing global is added to the page", async () => {
  const names = (page) => page.evaluate(() => Object.getOwnPropertyNames(window).sort());
  await it.show(BUTTON);
  const recorded = await names(it.page);
  const bare = await it.context.newPage();
  await bare.goto(gateway.page("/bare.txt", (_request, response) => void response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>T</title><h1>Vendors</h1><button id=go>Go</button><p id=out></p>")));
  assert.deepEqual(recorded, await names(bare));
});
test("a batch without an answer is sent again with the same bytes", async () => {
  const recorded = await it.show(BUTTON);
  const before2 = recorded.durable;
  gateway.faults = ["503", "reset", "wrong mac"];
  await it.page.click("#go");
  await it.step(recorded, "click", "Go");
  await gateway.until(() => gateway.faults.length === 0, "all faults were met");
  await gateway.until(() => recorded.durable > before2 + 1, "later batches");
  const again = gateway.attempts.filter((bytes) => bytes.readUInt32BE(22) === before2 + 1 && bytes.subarray(4, 20).equals(recorded.id));
  assert.ok(again.length >= 4, `${again.length} attempts`);
  for (const bytes of again) assert.ok(bytes.equals(again[0]));
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
  const rows = Array.from({ length: 3e3 }, (_, i) => `<tr><td>${i}</td><td>Vendor ${i * 7919}</td></tr>`).join("");
  const recorded = await it.show(`<title>Many</title><table>${rows}</table>`);
  const batch = recorded.batches.find((one) => one.flags & 1);
  assert.equal(batch?.codec, 1);
  assert.ok(JSON.stringify(batch?.entries).length > 2e5);
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
  await it.page.evaluate(() => {
    location.href = "/next";
  });
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
  const count = () => recorded.dom.filter((event) => event.type === 2).length;
  await gateway.until(() => count() >= 2, "the one at load");
  const before2 = count();
  gateway.commands = ["snapshot"];
  await gateway.until(() => count() > before2, "one more");
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
    const status = await new Promise((done) => {
      xhr.onload = () => done(xhr.status);
      xhr.send("x");
    });
    return { fetch: answer.status, type: (await answer.json()).type, xhr: status };
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
  const before2 = recorded.durable;
  await it.page.evaluate(() => {
    window.dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
    window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
  });
  await gateway.until(() => recorded.batches.some((batch) => batch.epoch === 1 && batch.flags & 1), "a snapshot of epoch 1");
  assert.ok(recorded.durable > before2);
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
    recording: true,
    account: "erp-admin",
    user: "paula",
    reason: "Year-end fixes",
    now: "2026-11-20T17:12:00Z",
    ends_at: "2026-11-20T17:16:30Z",
    console_url: "http://console.localhost:8080/my-access"
  };
  const recorded = await it.show(`${BUTTON}<style>html,body{margin:0}</style>`);
  await it.page.waitForFunction(() => document.documentElement.lastElementChild?.localName === "div");
  const box = await it.page.evaluate(() => {
    const host = document.documentElement.lastElementChild;
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
