// test/browser/replay.test.ts
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { dirname, join as join2 } from "node:path";
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

// test/browser/replay.test.ts
var it = stage();
var { gateway } = it;
var replayer = join2(dirname(createRequire(import.meta.url).resolve("@rrweb/replay")), "replay.umd.min.cjs");
var rebuilt = async (page, events) => {
  await page.goto("about:blank");
  await page.addScriptTag({ path: replayer });
  return page.evaluate(async (all) => {
    const global = window;
    const library = global["rrwebReplay"] ?? global["rrweb"];
    if (!library) throw new Error(`no replayer in ${Object.keys(window).filter((name) => /rr/i.test(name)).join()}`);
    const replay = new library.Replayer(all, { showWarning: false });
    replay.pause(replay.getMetaData().totalTime + 1);
    await new Promise((done) => setTimeout(done, 300));
    const body = replay.iframe.contentDocument?.body;
    const fields = [...body.querySelectorAll("input,select,textarea")].map((field) => `${field.value}/${String(field.localName === "input" && field.checked)}`);
    return `${body.innerText.replace(/\s+/g, " ").trim()}|${fields.join()}`;
  }, events);
};
var live = (page) => page.evaluate(() => {
  const fields = [...document.body.querySelectorAll("input,select,textarea")].map((field) => `${field.value}/${String(field.localName === "input" && field.checked)}`);
  return `${document.body.innerText.replace(/\s+/g, " ").trim()}|${fields.join()}`;
});
test("after typing, choosing, adding, moving and removing, the replay shows the same page", async () => {
  const recorded = await it.show(`<title>T</title><style>.gone { display: none }</style><ul id=list><li>one</li><li>two</li><li class=gone>hidden</li></ul>
    <input id=a><input id=b type=checkbox><select id=c><option>x</option><option>y</option></select><textarea id=d></textarea><table id=t></table>`);
  await it.page.fill("#a", "typed");
  await it.page.check("#b");
  await it.page.focus("#c");
  await it.page.selectOption("#c", "y");
  await it.page.fill("#d", "area");
  await it.page.evaluate(() => {
    const list = document.querySelector("#list");
    const random = (limit) => {
      seed = seed * 16807 % 2147483647;
      return seed % limit;
    };
    let seed = 4711;
    for (let i = 0; i < 300; i++) {
      const at = list.children[random(list.children.length)];
      const kind = random(4);
      if (kind === 0 || !at) list.insertBefore(Object.assign(document.createElement("li"), { textContent: `item ${i} ` }), at ?? null);
      else if (kind === 1 && list.children.length > 3) at.remove();
      else if (kind === 2) list.append(at);
      else at.textContent = `text ${i} `;
    }
    document.querySelector("#t")?.insertAdjacentHTML("beforeend", "<tr><td>cell <b>bold</b></td></tr>");
    document.styleSheets[0]?.insertRule("b { text-transform: uppercase }");
    document.body.append(Object.assign(document.createElement("p"), { id: "last", textContent: "the very last" }));
  });
  await gateway.until(() => JSON.stringify(recorded.dom).includes("the very last"), "the last change");
  const expected = await live(it.page);
  assert.match(expected, /typed\/false,on\/true,y\/|the very last/);
  assert.equal(await rebuilt(it.page, recorded.dom), expected);
});
test("a huge change and the ones right after it are shown too", async () => {
  const recorded = await it.show("<title>T</title><div id=grid></div>");
  await it.page.evaluate(() => {
    const grid = document.querySelector("#grid");
    grid.innerHTML = Array.from({ length: 6e3 }, (_, i) => `<p>${i}</p>`).join("");
    void Promise.resolve().then(() => {
      grid.firstElementChild?.remove();
      return Promise.resolve().then(() => {
        grid.lastElementChild.textContent = "changed at once";
      });
    });
    setTimeout(() => grid.append(Object.assign(document.createElement("p"), { textContent: "changed later" })), 50);
  });
  await gateway.until(() => JSON.stringify(recorded.dom).includes("changed later"), "the last change");
  const expected = await live(it.page);
  const shown = await rebuilt(it.page, recorded.dom);
  assert.deepEqual([shown.length, shown.slice(0, 60), shown.slice(-60)], [expected.length, expected.slice(0, 60), expected.slice(-60)]);
});
