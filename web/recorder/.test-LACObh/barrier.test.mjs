// test/browser/barrier.test.ts
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

// test/browser/barrier.test.ts
var it = stage();
var { gateway } = it;
var CLICKS = 150;
test("in a storm of faults every change waits for its click, none is lost and the chain holds", async () => {
  const recorded = await it.show(`<title>T</title>${Array.from({ length: CLICKS }, (_, i) => `<button id=b${i}>B${i}</button>`).join("")}
    <script>document.addEventListener("click", (event) => { const id = event.target.id; if (!id) return; const n = Number(id.slice(1));
      if (n % 2) fetch("/save/" + id, { method: "POST", body: id }); else { const x = new XMLHttpRequest(); x.open("PUT", "/save/" + id); x.send(id); } });</script>`);
  let seed = 815;
  const random = (limit) => (seed = seed * 16807 % 2147483647) % limit;
  const faults = ["503", "reset", "wrong mac"];
  for (let i = 0; i < CLICKS; i++) {
    if (random(3) === 0 && gateway.faults.length === 0) gateway.faults.push(faults[random(3)] ?? "503");
    gateway.delay = random(12);
    await it.page.evaluate((id) => document.getElementById(id)?.click(), `b${i}`);
  }
  const saves = () => gateway.seen.filter((one) => one.path.startsWith("/save/"));
  await gateway.until(() => saves().length === CLICKS, "every change", 6e4);
  for (const seen of saves()) {
    assert.equal(seen.outcome, "released", seen.path);
    const upTo = recorded.batches.slice(0, (seen.sequence ?? -1) + 1);
    const label = seen.path.slice("/save/".length).toUpperCase();
    const holds = upTo.some((batch) => batch.entries.some(([channel, step]) => channel === "s" && step.label === label));
    assert.ok(holds, `${seen.path} names a batch after its click`);
  }
  assert.equal(recorded.broken, null);
  assert.deepEqual(recorded.steps.map((step) => step.seq), recorded.steps.map((_, i) => i), "no step is missing or doubled");
});
test("the delay that the recorder adds to a change is small", async (context) => {
  await it.show("<title>T</title><button id=go>Go</button>");
  const times = await it.page.evaluate(async () => {
    const all = [];
    for (let i = 0; i < 100; i++) {
      document.querySelector("#go")?.click();
      const began = performance.now();
      await fetch("/save", { method: "POST" });
      all.push(performance.now() - began);
    }
    return all.sort((a, b) => a - b);
  });
  context.diagnostic(`a change with its evidence: p50 ${times[50]?.toFixed(1)} ms, p95 ${times[95]?.toFixed(1)} ms`);
  assert.ok((times[95] ?? Infinity) < 500);
});
