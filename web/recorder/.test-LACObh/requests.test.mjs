// test/browser/requests.test.ts
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

// test/browser/requests.test.ts
var it = stage();
var { gateway } = it;
var PAGE = "<title>T</title><h1>Vendors</h1><button id=go>Go</button>";
var write = (path) => gateway.until(() => gateway.seen.find((one) => one.path === path), `${path}; seen ${gateway.seen.map((one) => `${one.method} ${one.path}`).join()}`);
test("a change by fetch carries the token of the batch that holds the click before it", async () => {
  const recorded = await it.show(`${PAGE}<script>go.onclick = () => fetch("/api/save?a=1#x", { method: "POST", body: "hello" })</script>`);
  await it.page.click("#go");
  const seen = await write("/api/save?a=1");
  assert.deepEqual([seen.by, seen.outcome, seen.body], ["header", "released", "hello"]);
  const holds = recorded.batches.slice(0, (seen.sequence ?? -1) + 1).some((batch) => batch.entries.some(([channel, step]) => channel === "s" && step.kind === "click"));
  assert.ok(holds, "the click is in the batches up to the one named");
});
test("fetch keeps every kind of request as the page made it", async () => {
  await it.show(PAGE);
  const results = await it.page.evaluate(async () => {
    const text = async (answer) => (await answer).text();
    const form = new FormData();
    form.append("a", "b");
    form.append("f", new Blob(["file"]), "name.txt");
    const given = new Request("/api/given", { method: "PUT", body: "body", headers: { "X-Own": "1", "Content-Type": "text/x-own" } });
    const stopped = new AbortController();
    const late = fetch("/api/never", { method: "POST", signal: stopped.signal }).then(() => "answered", (error) => error.name);
    stopped.abort();
    const done = [
      await text(fetch("api/relative", { method: "post", body: new URLSearchParams({ q: "\xFC" }) })),
      await text(fetch(new URL("/api/url", location.href), { method: "DELETE" })),
      await text(fetch("/api/form", { method: "POST", body: form })),
      await text(fetch(given)),
      await text(fetch(new Request("/api/mixed", { method: "POST", body: "1" }), { method: "PATCH", body: "2" }))
    ];
    const wrong = await fetch("http://[", { method: "POST" }).then(() => "answered", (error) => error.constructor.name);
    const body = await fetch("/api/get", { method: "GET", body: "x" }).then(() => "answered", (error) => error.constructor.name);
    return { done, used: given.bodyUsed, late: await late, wrong, body };
  });
  assert.deepEqual(results, { done: ["done POST", "done DELETE", "done POST", "done PUT", "done PATCH"], used: true, late: "AbortError", wrong: "TypeError", body: "TypeError" });
  const by = (path) => gateway.seen.find((one) => one.path === path);
  for (const path of ["/api/relative", "/api/url", "/api/form", "/api/given", "/api/mixed"]) assert.equal(by(path).outcome, "released", path);
  assert.equal(by("/api/relative").body, "q=%C3%BC");
  assert.match(by("/api/form").body, /name="f"; filename="name.txt"/);
  assert.match(by("/api/form").headers["content-type"] ?? "", /^multipart\/form-data; boundary=/);
  assert.equal(by("/api/given").headers["x-own"], "1");
  assert.equal(by("/api/given").headers["content-type"], "text/x-own");
  assert.equal(by("/api/mixed").body, "2");
});
test("a body that the page changes after the call is sent as it was", async () => {
  await it.show(PAGE);
  gateway.faults = ["slow"];
  await it.page.evaluate(() => {
    document.querySelector("#go")?.click();
    const form = new FormData();
    form.append("a", "before");
    void fetch("/api/fetch", { method: "POST", body: form });
    const bytes = new Uint8Array([1, 2, 3]);
    const xhr = new XMLHttpRequest();
    xhr.open("POST", "/api/xhr");
    xhr.send(bytes);
    form.set("a", "after");
    bytes.fill(9);
  });
  assert.match((await write("/api/fetch")).body, /before/);
  assert.equal((await write("/api/xhr")).body, "");
});
test("a streamed body passes", async () => {
  await it.show(PAGE);
  const name = await it.page.evaluate(async () => {
    const body = new ReadableStream({ start(controller) {
      controller.enqueue(new TextEncoder().encode("streamed"));
      controller.close();
    } });
    return fetch("/api/stream", { method: "POST", body, duplex: "half" }).then(() => "sent", (error) => error.constructor.name);
  });
  assert.ok(["sent", "TypeError"].includes(name));
});
test("reads of the own origin carry the token too, and are never held", async () => {
  await it.show(PAGE);
  gateway.delay = 1500;
  const took = await it.page.evaluate(async () => {
    document.querySelector("#go")?.click();
    const began = performance.now();
    await fetch("/api/list");
    return performance.now() - began;
  });
  const seen = await write("/api/list");
  assert.equal(seen.by, "header");
  assert.ok(took < 1e3, `${took} ms`);
});
test("at most three changes are on the way at once, and all arrive in order", async () => {
  let open = 0;
  let most = 0;
  await it.show(PAGE);
  for (let i = 0; i < 10; i++) {
    gateway.page(`/api/${i}`, (_request, response) => {
      open += 1;
      most = Math.max(most, open);
      setTimeout(() => {
        open -= 1;
        response.end("ok");
      }, 60);
    });
  }
  await it.page.evaluate(() => Promise.all(Array.from({ length: 10 }, (_, i) => fetch(`/api/${i}`, { method: "POST" }))));
  assert.equal(most, 3);
  assert.deepEqual(gateway.seen.filter((one) => one.method === "POST").map((one) => one.path), Array.from({ length: 10 }, (_, i) => `/api/${i}`));
});
test("a refusal of the gateway reaches the page as 428", async () => {
  await it.show(PAGE);
  const status = await it.page.evaluate(async () => {
    const raw = new XMLHttpRequest();
    raw.open("POST", "/api/x");
    raw.setRequestHeader("X-Chaperone", "forged.0.token");
    return new Promise((done) => {
      raw.onload = () => done(raw.status);
      raw.send();
    });
  });
  assert.equal(status, 428);
});
test("XMLHttpRequest works as before: events, headers, abort, timeout, upload, synchronous", async () => {
  const recorded = await it.show(`${PAGE}<label>Name <input id=name></label>`);
  const results = await it.page.evaluate(async () => {
    const run = (method, path, body) => new Promise((done) => {
      const xhr = new XMLHttpRequest();
      const states = [];
      xhr.onreadystatechange = () => states.push(xhr.readyState);
      xhr.open(method, path);
      xhr.setRequestHeader("X-Own", "1");
      xhr.onload = () => done([xhr.status, xhr.responseText, states.join(), xhr instanceof XMLHttpRequest]);
      xhr.send(body);
    });
    const first = await run("post", "/api/xhr?b=2", "body");
    const form = new FormData();
    form.append("a", "b");
    const second = await run("PUT", "/api/form", form);
    const sync2 = new XMLHttpRequest();
    document.querySelector("#go")?.click();
    sync2.open("POST", "/api/sync", false);
    sync2.send("s");
    return { first, second, sync: [sync2.status, sync2.responseText] };
  });
  assert.deepEqual(results, {
    first: [200, "done POST", "1,2,3,4", true],
    second: [200, "done PUT", "1,2,3,4", true],
    sync: [200, "done POST"]
  });
  for (const path of ["/api/xhr?b=2", "/api/form", "/api/sync"]) assert.equal(gateway.seen.find((one) => one.path === path)?.outcome, "released", path);
  const sync = gateway.seen.find((one) => one.path === "/api/sync");
  const click = recorded.batches.findIndex((batch) => batch.entries.some(([channel, step]) => channel === "s" && step.kind === "click"));
  assert.ok(click >= 0 && click <= (sync?.sequence ?? -1), "the click is named by the synchronous request");
});
test("a request that is held can be aborted and never leaves, and its XMLHttpRequest opened again", async () => {
  await it.show(PAGE);
  gateway.faults = ["slow"];
  const results = await it.page.evaluate(async () => {
    document.querySelector("#go")?.click();
    const log = [];
    const xhr = new XMLHttpRequest();
    for (const type of ["abort", "loadend", "load"]) xhr.addEventListener(type, () => log.push(type));
    void fetch("/api/first", { method: "POST" });
    document.querySelector("#go")?.click();
    const stop = new AbortController();
    const stopped = fetch("/api/stopped", { method: "POST", signal: stop.signal }).catch((error) => error.name);
    stop.abort();
    if (await stopped !== "AbortError") log.push("not aborted");
    xhr.open("POST", "/api/aborted");
    xhr.send("1");
    try {
      xhr.setRequestHeader("X-Late", "1");
      log.push("set");
    } catch (error) {
      log.push(error.name);
    }
    xhr.abort();
    xhr.open("POST", "/api/second");
    xhr.send("2");
    await new Promise((done) => xhr.addEventListener("load", done));
    return log;
  });
  assert.deepEqual(results, ["InvalidStateError", "abort", "loadend", "load"]);
  assert.equal(gateway.seen.some((one) => /aborted|stopped/.test(one.path)), false);
  assert.equal(gateway.seen.find((one) => one.path === "/api/second")?.body, "2");
});
test("a form is declared before it leaves, whether by button, by Enter, by submit() or by requestSubmit()", async () => {
  for (const [i, act] of ["document.querySelector('#go').click()", "document.forms[0].submit()", "document.forms[0].requestSubmit()"].entries()) {
    const recorded = await it.show(`<title>T</title><form action="/save/${i}?x=1" method=post><input name=a value=1><button id=go name=b value=2>Save</button></form>`);
    await it.page.evaluate(act);
    const seen = await write(`/save/${i}?x=1`);
    assert.deepEqual([seen.by, seen.outcome], ["intent", "released"], act);
    assert.ok(recorded.steps.some((step) => step.kind === "submit"), act);
    await it.context.close();
  }
  await it.show(`<title>T</title><form action="/save/enter" method=post><label>A <input name=a></label></form>`);
  await it.page.fill("input", "typed");
  await it.page.press("input", "Enter");
  assert.equal((await write("/save/enter")).by, "intent");
});
test("a form into a new tab and a form into a frame are declared too", async () => {
  await it.show(`<title>T</title><form action=/save/tab method=post target=_blank><button id=tab>Tab</button></form><iframe name=inner></iframe><form action=/save/frame method=post target=inner><button id=frame>Frame</button></form>`);
  await it.page.click("#tab");
  assert.equal((await write("/save/tab")).by, "intent");
  await it.page.click("#frame");
  assert.equal((await write("/save/frame")).by, "intent");
});
test("a form that the page keeps for itself is not declared", async () => {
  const recorded = await it.show(`<title>T</title><form action=/save method=post><button id=go>Save</button></form><script>document.forms[0].addEventListener("submit", (event) => { event.preventDefault(); event.stopImmediatePropagation(); fetch("/api/own", { method: "POST" }); })</script>`);
  await it.page.click("#go");
  assert.equal((await write("/api/own")).by, "header");
  await it.step(recorded, "submit", "Save");
  assert.equal(recorded.intents.length, 0);
});
test("beacons, keepalive, no-cors and downloads are declared", async () => {
  const recorded = await it.show(`${PAGE}<a id=file href=/files/list.csv download>List</a>`);
  gateway.page("/files/list.csv", (_request, response) => void response.writeHead(200, { "Content-Type": "text/csv", "Content-Disposition": "attachment" }).end("a,b"));
  await it.page.evaluate(() => {
    navigator.sendBeacon("/log/beacon", "1");
    void fetch("/log/keepalive", { method: "POST", keepalive: true, body: "2" });
    void fetch("/log/no-cors", { method: "POST", mode: "no-cors", body: "3" });
  });
  for (const path of ["/log/beacon", "/log/keepalive", "/log/no-cors"]) {
    const seen = await write(path);
    assert.deepEqual([seen.by, seen.outcome], ["intent", "released"], path);
  }
  await it.page.click("#file");
  const step = await it.step(recorded, "download", "List");
  assert.match(step.value?.new ?? "", /list\.csv$/);
  const intent = await gateway.until(() => recorded.intents.find((one) => one.url === "/files/list.csv"), "the download's intent");
  assert.equal(intent.via, "download");
});
test("a beacon sent while the page goes away is declared in a further tail", async () => {
  await it.show(`${PAGE}<script>addEventListener("pagehide", () => navigator.sendBeacon("/log/bye", "1"))</script>`);
  gateway.page("/next", "<title>Next</title>");
  await it.page.evaluate(() => {
    location.href = "/next";
  });
  const seen = await write("/log/bye");
  assert.deepEqual([seen.by, seen.outcome], ["intent", "released"]);
});
test("WebSockets carry the token, each message its sequence, and the page sees none of it", async () => {
  await it.show(PAGE);
  const results = await it.page.evaluate(async () => {
    const socket = new WebSocket("/live?room=1");
    socket.binaryType = "arraybuffer";
    await new Promise((done, fail) => {
      socket.onopen = done;
      socket.onerror = () => fail(new Error("refused"));
    });
    const answers = [];
    const all = new Promise((done) => {
      socket.onmessage = ({ data }) => {
        answers.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
        if (answers.length === 4) done();
      };
    });
    document.querySelector("#go")?.click();
    socket.send("text|with bar");
    socket.send(new Uint8Array([0, 255]));
    socket.send(new Uint8Array([7, 8, 9]).subarray(1).buffer.slice(1));
    socket.send(new Blob(["blob"]));
    await all;
    class Own extends WebSocket {
      extra = 1;
    }
    const own = new Own("/live");
    const kept = [own instanceof Own, own instanceof WebSocket, own.extra, WebSocket.OPEN, socket.constructor === WebSocket, socket.url === `ws://${location.host}/live?room=1`, WebSocket.name];
    socket.close();
    own.close();
    return { answers, kept };
  });
  assert.equal(results.answers[0], "text|with bar");
  assert.deepEqual(results.answers[1], [0, 255]);
  assert.deepEqual(results.kept, [true, true, 1, 1, true, true, "WebSocket"]);
  assert.ok(gateway.messages.every((message) => message.durable), "evidence before every message");
  assert.deepEqual(gateway.messages.map((message) => message.text), [true, false, false, false]);
});
test("a page that replaces fetch and XMLHttpRequest itself does not disturb the evidence", async () => {
  const recorded = await it.show(`${PAGE}<script>
    const real = window.fetch; window.mine = 0;
    window.fetch = (...args) => { window.mine++; return real(...args); };
    XMLHttpRequest.prototype.send = function () { throw new Error("no"); };
    window.setTimeout = () => 0; Date.now = () => 0; performance.now = () => 0; JSON.stringify = () => "gone"; Array.prototype.toJSON = () => "gone";
    go.onclick = () => fetch("/api/save", { method: "POST" });
  </script>`);
  await it.page.click("#go");
  assert.equal((await write("/api/save")).outcome, "released");
  const click = await it.step(recorded, "click", "Go");
  assert.ok(click.t > 17e11);
  assert.equal(await it.page.evaluate(() => window.mine), 1, "only the page's own calls go through the page's fetch");
  assert.equal(recorded.broken, null);
});
test("requests to other places are left alone", async () => {
  const recorded = await it.show(PAGE);
  await it.page.evaluate(async () => {
    await fetch("data:text/plain,x", { method: "GET" });
    await fetch("http://127.0.0.1:9/x", { method: "POST", mode: "no-cors" }).catch(() => void 0);
    navigator.sendBeacon("http://127.0.0.1:9/y");
  });
  assert.equal(recorded.intents.length, 0);
});
