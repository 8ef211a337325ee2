// test/browser/dom.test.ts
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
    const all2 = this.#changed;
    this.#changed = [];
    for (const one of all2) one();
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

// test/browser/dom.test.ts
var it = stage();
var { gateway } = it;
var all = (recorded) => JSON.stringify([recorded.dom, recorded.steps]);
test("no class name hides anything from the recording", async () => {
  const recorded = await it.show(`<title>T</title><div class="rr-block rr-mask rr-ignore"><p>visible words</p><label>Name <input class=rr-ignore></label><button>Go</button></div>`);
  await it.page.fill("input", "typed words");
  await it.page.click("button");
  await it.step(recorded, "click", "Go");
  await gateway.until(() => /visible words/.test(all(recorded)) && /typed words/.test(JSON.stringify(recorded.dom)), "both texts in the DOM recording");
});
test("style sheets are inside the recording", async () => {
  gateway.page("/style.css", (_request, response) => void response.writeHead(200, { "Content-Type": "text/css" }).end(".linked { color: rgb(1, 2, 3) }"));
  const recorded = await it.show(`<title>T</title><link rel=stylesheet href=/style.css><style>.inline { color: red }</style><p class=linked>x</p>`);
  await gateway.until(() => /rgb\(1, 2, 3\)/.test(all(recorded)) && /\.inline/.test(all(recorded)), "both sheets");
});
test("a password never leaves the browser, nor does its mirror elsewhere on the page", async () => {
  const recorded = await it.show(`<title>T</title>
    <label>Password <input type=password id=secret></label><button id=show>Show</button><p id=mirror></p><label>Copy <input id=copy></label>
    <script>secret.oninput = () => { mirror.textContent = "You typed " + secret.value; mirror.title = secret.value; copy.value = secret.value; };
    show.onclick = () => { secret.type = "text"; document.title = secret.value; };</script>`);
  await it.page.type("#secret", "hunter2-Z\xFCrich");
  await it.page.click("#show");
  await it.page.type("#secret", "-more");
  await it.page.click("#copy");
  const step = await it.step(recorded, "change", "Password");
  assert.deepEqual(step.value, { old: null, new: null, type: "secret", masked: true, length: 14 });
  const second = await it.step(recorded, "change", "Password", 1);
  assert.deepEqual([second.value?.masked, second.value?.length], [true, 19]);
  gateway.commands = ["snapshot"];
  await gateway.until(() => recorded.dom.filter((event) => event.type === 2).length >= 3, "one more snapshot");
  const everything = Buffer.concat(recorded.batches.map((batch) => Buffer.from(JSON.stringify(batch.entries)))).toString("utf8");
  for (const stage2 of ["hunter2-Z\xFCrich-more", "hunter2-Z\xFCrich", "hunter2", "hunt"]) assert.ok(!everything.includes(stage2), stage2);
  assert.ok(everything.includes("You typed \u2022\u2022\u2022\u2022"));
});
test("one-time codes, card numbers and hidden tokens are masked; names that only sound so are not", async () => {
  const recorded = await it.show(`<title>T</title><input type=hidden name=csrf value=tok3n-4711>
    <label>Code <input id=otp autocomplete=one-time-code></label><label>Card <input id=card autocomplete=cc-number></label>
    <label>PIN <input id=user_pin></label><label>Pinned <input id=pinned></label><label>Shipping <input id=shipping></label>`);
  await it.page.fill("#otp", "123456");
  await it.page.fill("#card", "4111111111111111");
  await it.page.fill("#user_pin", "9876");
  await it.page.fill("#pinned", "board");
  await it.page.fill("#shipping", "by sea");
  await it.page.click("#otp");
  assert.equal((await it.step(recorded, "change", "Shipping")).value?.new, "by sea");
  assert.equal((await it.step(recorded, "change", "Pinned")).value?.new, "board");
  for (const label of ["Code", "Card", "PIN"]) assert.equal((await it.step(recorded, "change", label)).value?.masked, true, label);
  await gateway.until(() => /by sea/.test(JSON.stringify(recorded.dom)), "the DOM's inputs");
  for (const secret of ["tok3n-4711", "123456", "4111111111111111", "9876"]) assert.ok(!all(recorded).includes(secret), secret);
});
test("a huge change is one new snapshot instead of a list", async () => {
  const recorded = await it.show("<title>T</title><div id=grid></div>");
  await gateway.until(() => recorded.dom.filter((event) => event.type === 2).length >= 2, "the snapshot at load");
  await it.page.evaluate(() => {
    const grid = document.querySelector("#grid");
    grid.innerHTML = Array.from({ length: 4e3 }, (_, i) => `<p><b>cell ${i}</b></p>`).join("");
  });
  await gateway.until(() => recorded.dom.filter((event) => event.type === 2).length >= 3, "a third snapshot");
  await gateway.until(() => JSON.stringify(recorded.dom).includes("cell 3999"), "its last cell");
  const lists = recorded.dom.filter((event) => event.type === 3 && event.data["source"] === 0 && JSON.stringify(event).includes("cell 3999"));
  assert.equal(lists.length, 0);
  await it.page.evaluate(() => {
    document.querySelector("#grid").innerHTML = "<p>small again</p>";
  });
  await gateway.until(() => recorded.dom.some((event) => event.type === 3 && JSON.stringify(event).includes("small again")), "small changes are listed again");
});
test("a framed document is a document of its own, and its parent does not record it twice", async () => {
  gateway.page("/inner", "<title>Inner</title><button id=in>Inner button</button>");
  const recorded = await it.show(`<title>Outer</title><iframe src=/inner></iframe><iframe srcdoc="<p>words of srcdoc</p>"></iframe>`);
  const inner = gateway.document("/inner");
  await gateway.until(() => inner.dom.some((event) => event.type === 2), "the inner snapshot");
  assert.equal(inner.health[0]?.["frame"], true);
  await it.page.frameLocator("iframe >> nth=0").locator("#in").click();
  await it.step(inner, "click", "Inner button");
  await gateway.until(() => /words of srcdoc/.test(JSON.stringify(recorded.dom)), "frames without an address are the parent's");
  assert.ok(!JSON.stringify(recorded.dom).includes("Inner button"));
  assert.equal(recorded.steps.filter((one) => one.kind === "click").length, 0);
});
test("a frame from elsewhere is named as not recorded", async () => {
  const recorded = await it.show(`<title>T</title><iframe src="data:text/html,<p>foreign"></iframe>`);
  await gateway.until(() => recorded.health.find((one) => one["type"] === "frame"), "the frame");
});
test("a closed shadow root is told, since it cannot be recorded", async () => {
  const recorded = await it.show(`<title>T</title><div id=host></div><script>host.attachShadow({ mode: "closed" }).innerHTML = "<p>x</p>";</script>`);
  await gateway.until(() => recorded.health.find((one) => one["what"] === "closed_shadow_root"), "the note");
});
test("open shadow roots and adopted style sheets are recorded", async () => {
  const recorded = await it.show(`<title>T</title><div id=host></div><script>const sheet = new CSSStyleSheet(); sheet.replaceSync("p { color: rgb(9, 8, 7) }"); const root = host.attachShadow({ mode: "open" }); root.adoptedStyleSheets = [sheet]; root.innerHTML = "<p>inside the shadow</p>";</script>`);
  await gateway.until(() => /inside the shadow/.test(all(recorded)) && /rgb\(9, 8, 7\)/.test(all(recorded)), "both");
});
test("errors of the page stay the page's: a wrong rule throws as ever, and the recorder adds none", async () => {
  await it.show("<title>T</title><style id=s></style>");
  const name = await it.page.evaluate(() => {
    try {
      document.querySelector("#s").sheet?.insertRule("}}");
      return "none";
    } catch (error) {
      return error.name;
    }
  });
  assert.equal(name, "SyntaxError");
  assert.deepEqual(it.errors, []);
});
test("under a policy without inline styles and with trusted types everything still works", async () => {
  let html = "";
  gateway.page("/strict", (_request, response) => {
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'" });
    response.end(html);
  });
  await it.show("<title>T</title>");
  const recorded = gateway.document("/");
  const tag = `data-c="${Buffer.concat([recorded.id, recorded.key]).toString("base64url")}"`;
  await it.page.goto("about:blank");
  await gateway.until(() => (recorded.batches.at(-1)?.flags ?? 0) & 8, "the first one ended");
  recorded.batches.length = 0;
  gateway.banner = { recording: true, account: "a", user: "u", reason: "r", now: (/* @__PURE__ */ new Date()).toISOString(), ends_at: new Date(Date.now() + 6e4).toISOString(), console_url: "http://x/" };
  html = `<!doctype html><script src="/.chaperone/test/recorder.js" ${tag}></script><title>Strict</title><button>Go</button>`;
  const violations = [];
  it.page.on("console", (message) => message.type() === "error" && violations.push(message.text()));
  await it.page.goto(`${gateway.origin}/strict`);
  await it.page.click("button");
  await it.step(recorded, "click", "Go");
  await gateway.until(() => recorded.dom.some((event) => event.type === 2), "the snapshot");
  assert.deepEqual(violations.filter((text) => !/favicon/.test(text)), []);
});
test("a busy page costs little and never breaks the chain", async () => {
  const recorded = await it.show(`<title>T</title><table id=t></table><script>
    let n = 0; const draw = () => { t.innerHTML = Array.from({ length: 50 }, (_, r) => "<tr>" + Array.from({ length: 12 }, (_, c) => "<td>" + (r * c + n) + "</td>").join("") + "</tr>").join(""); if (++n < 20) setTimeout(draw, 60); }; draw();</script>`);
  await gateway.until(() => JSON.stringify(recorded.dom.slice(-40)).includes(String(49 * 11 + 19)), "the last drawing", 15e3);
  assert.equal(recorded.broken, null);
  assert.ok(recorded.batches.length < 20, `${recorded.batches.length} batches`);
});
