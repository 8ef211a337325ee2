// test/browser/steps.test.ts
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

// test/browser/steps.test.ts
var it = stage();
var { gateway } = it;
var FORM = `<title>V-100 Contoso</title><h1>V-100 Contoso</h1>
<form aria-label="Vendor details" action=/save method=post onsubmit="event.preventDefault()">
  <label>Bank account <input id=bank name=bank value=DE1></label>
  <label>Amount <input id=amount type=number></label>
  <label>Due <input id=due type=date></label>
  <label>Terms <select id=terms><option value=n30>Net 30</option><option value=n60>Net 60</option></select></label>
  <label><input type=checkbox id=blocked> Blocked</label>
  <fieldset><legend>Kind</legend><label><input type=radio name=kind value=p checked> Person</label><label><input type=radio name=kind value=c id=company> Company</label></fieldset>
  <label>Invoice <input type=file id=file></label>
  <label>Notes <textarea id=notes></textarea></label>
  <div id=rich contenteditable role=textbox aria-label="Rich text">old</div>
  <button id=save>Save</button>
</form>`;
test("typing is one change with old and new value, its form and its record", async () => {
  const recorded = await it.show(FORM);
  await it.page.fill("#bank", "");
  await it.page.type("#bank", "DE2 7000");
  await it.page.click("#notes");
  const step = await it.step(recorded, "change", "Bank account");
  assert.deepEqual(step.value, { old: "DE1", new: "DE2 7000", type: "text", masked: false, length: 8 });
  assert.equal(step.role, "textbox");
  assert.equal(step.control, "input/text");
  assert.equal(step.form_context, "Vendor details");
  assert.equal(step.record_context, "V-100 Contoso");
  assert.equal(step.page.title, "V-100 Contoso");
  assert.ok(step.trusted);
  assert.ok((step.node ?? 0) > 0);
  assert.equal(step.selectors[0], 'role=textbox[name="Bank account"]');
  assert.ok(step.selectors.some((selector) => selector.startsWith("css=#bank")));
  assert.ok(step.selectors.length <= 4);
  assert.equal(recorded.steps.filter((one) => one.kind === "change").length, 1);
  const before2 = recorded.steps.findIndex((one) => one.kind === "change");
  assert.equal(recorded.steps[before2 + 1]?.label, "Notes", "the change comes before the click that ended it");
});
test("numbers and dates have their types", async () => {
  const recorded = await it.show(FORM);
  await it.page.fill("#amount", "12.5");
  await it.page.fill("#due", "2026-11-30");
  await it.page.click("#save");
  assert.deepEqual((await it.step(recorded, "change", "Amount")).value, { old: "", new: "12.5", type: "number", masked: false, length: 4 });
  assert.deepEqual((await it.step(recorded, "change", "Due")).value, { old: "", new: "2026-11-30", type: "date", masked: false, length: 10 });
});
test("a date that is typed key by key is one change", async () => {
  const recorded = await it.show(FORM);
  await it.page.focus("#due");
  await it.page.keyboard.type("11302026", { delay: 20 });
  await it.page.fill("#due", "2026-12-24");
  await it.page.click("#notes");
  await it.step(recorded, "click", "Notes");
  const changes = recorded.steps.filter((one) => one.kind === "change");
  assert.deepEqual(changes.map((one) => one.value?.new), ["2026-12-24"]);
});
test("a date that is saved from its own field is told before what saves it", async () => {
  const recorded = await it.show(FORM);
  await it.page.fill("#due", "2026-12-24");
  await it.page.keyboard.press("Enter");
  await it.step(recorded, "key", "Due");
  assert.deepEqual(recorded.steps.filter((one) => one.kind === "change" || one.kind === "key").map((one) => one.kind), ["change", "key"]);
});
test("what a list put into its field is told once, by the choice", async () => {
  const recorded = await it.show(`<title>T</title><label>Item <input id=item role=combobox aria-controls=hits></label>
    <ul id=hits role=listbox><li role=option onmousedown="event.preventDefault()" onclick="item.value = 'I-2061 Folding box'">I-2061 Folding box</li></ul><button>Next</button>`);
  await it.page.type("#item", "fold");
  await it.page.click("[role=option]");
  await it.page.click("button");
  await it.step(recorded, "click", "Next");
  assert.deepEqual(
    recorded.steps.filter((one) => one.kind === "change" || one.kind === "select").map((one) => [one.kind, one.label, one.value?.new]),
    [["change", "Item", "fold"], ["select", "Item", "I-2061 Folding box"]]
  );
  await it.page.type("#item", "!");
  await it.page.click("button");
  await gateway.until(() => recorded.steps.filter((one) => one.kind === "change").length === 2, "what is typed afterwards is told");
});
test("a page that is left did not go to the background", async () => {
  const recorded = await it.show(`<title>T</title><a href="/gone">Go</a>`);
  await it.page.click("a");
  await gateway.until(() => recorded.steps.some((one) => one.kind === "click"), "the click");
  await it.page.waitForURL("**/gone");
  assert.deepEqual(recorded.steps.filter((one) => one.kind === "tab_hide"), []);
});
test("a list gives the words that were seen, and the control's own value beside them", async () => {
  const recorded = await it.show(FORM);
  await it.page.focus("#terms");
  await it.page.selectOption("#terms", "n60");
  assert.deepEqual((await it.step(recorded, "select", "Terms")).value, { old: "Net 30", new: "Net 60", type: "choice", masked: false, length: 6, code: "n60" });
});
test("boxes and radio buttons give one step each, by mouse on the label or by key", async () => {
  const recorded = await it.show(FORM);
  await it.page.click("text=Blocked");
  assert.deepEqual((await it.step(recorded, "check", "Blocked")).value, { old: "false", new: "true", type: "bool", masked: false, length: 4 });
  await it.page.focus("#blocked");
  await it.page.keyboard.press("Space");
  assert.equal((await it.step(recorded, "check", "Blocked", 1)).value?.new, "false");
  await it.page.click("text=Company");
  const radio = await it.step(recorded, "select", "Company");
  assert.deepEqual([radio.value?.old, radio.value?.new, radio.value?.code], ["Person", "Company", "c"]);
  assert.equal(radio.form_context, "Kind");
  await it.page.keyboard.press("ArrowUp");
  const back = await it.step(recorded, "select", "Person");
  assert.equal(back.value?.old, "Company");
  await it.page.click("#save");
  await it.step(recorded, "click", "Save");
  assert.deepEqual(recorded.steps.filter((one) => /check|select/.test(one.kind)).length, 4);
  assert.equal(recorded.steps.filter((one) => one.kind === "click").length, 1);
});
test("a file is picked with name, size and type", async () => {
  const recorded = await it.show(FORM);
  await it.page.setInputFiles("#file", { name: "invoice.pdf", mimeType: "application/pdf", buffer: Buffer.from("12345") });
  assert.equal((await it.step(recorded, "file_pick", "Invoice")).value?.new, "invoice.pdf (5, application/pdf)");
});
test("rich text is a change, and a new line in it is no key step", async () => {
  const recorded = await it.show(FORM);
  await it.page.click("#rich");
  await it.page.keyboard.press("End");
  await it.page.keyboard.type(" and new");
  await it.page.keyboard.press("Enter");
  await it.page.keyboard.type("line");
  await it.page.click("#save");
  const step = await it.step(recorded, "change", "Rich text");
  assert.equal(step.value?.old, "old");
  assert.match(step.value?.new ?? "", /^old and new\n+line$/);
  assert.equal(recorded.steps.some((one) => one.kind === "key"), false);
});
test("Enter tells the change first, then the key; shortcuts and Escape are keys, letters are not", async () => {
  const recorded = await it.show(FORM);
  await it.page.fill("#bank", "DE3");
  await it.page.press("#bank", "Enter");
  await it.page.press("#bank", "Escape");
  await it.page.press("#bank", "Control+s");
  await it.page.press("#bank", "F4");
  await it.step(recorded, "key", void 0, 3);
  const kinds = recorded.steps.map((one) => one.kind === "key" ? `key ${one.value?.new}` : one.kind).filter((kind) => kind !== "page");
  assert.deepEqual(kinds.slice(0, 3), ["change", "key Enter", "click"], "the browser clicks the form's button on Enter");
  assert.deepEqual(kinds.slice(-3), ["key Escape", "key Control+s", "key F4"]);
});
test("a submit names its button", async () => {
  const recorded = await it.show(FORM);
  await it.page.click("#save");
  const step = await it.step(recorded, "submit");
  assert.equal(step.label, "Save");
  assert.equal(step.form_context, "Vendor details");
});
test("a double click is two clicks and one double click", async () => {
  const recorded = await it.show("<title>T</title><button>Open</button>");
  await it.page.dblclick("button");
  await it.step(recorded, "double_click", "Open");
  assert.deepEqual(recorded.steps.map((one) => one.kind), ["page", "click", "click", "double_click"]);
});
test("a click on the icon inside names the button, and says where", async () => {
  const recorded = await it.show(`<title>T</title><section aria-label="Tools"><button title="Delete vendor"><svg width=20 height=20><circle r=8 cx=10 cy=10 /></svg></button></section>`);
  await it.page.click("svg");
  const step = await it.step(recorded, "click", "Delete vendor");
  assert.equal(step.role, "button");
  assert.equal(step.form_context, "Tools");
  assert.equal(step.point?.length, 2);
});
test("fields that only a neighbour names get that name", async () => {
  const recorded = await it.show(`<title>T</title><table><tr><td>Bank:</td><td><input id=a></td></tr><tr><td>City *</td><td><input id=b></td></tr></table>`);
  await it.page.fill("#a", "1");
  await it.page.fill("#b", "2");
  await it.page.keyboard.press("Tab");
  await it.step(recorded, "change", "Bank");
  await it.step(recorded, "change", "City");
});
test("in a list the record is the row", async () => {
  const recorded = await it.show(`<title>Vendors</title><h1>All vendors</h1><table><thead><tr><th scope=col>Id<th scope=col>Do</tr></thead><tbody><tr><td>V-1<td><button>Edit</button></tr><tr><th>V-2</th><td><button id=two>Edit</button></tr></tbody></table>`);
  await it.page.click("button >> nth=0");
  await it.page.click("#two");
  assert.equal((await it.step(recorded, "click", "Edit")).record_context, "V-1");
  assert.equal((await it.step(recorded, "click", "Edit", 1)).record_context, "V-2");
});
test("entries of a list made of divs are choices of the field that owns it", async () => {
  const recorded = await it.show(`<title>T</title><input role=combobox aria-label=Country aria-controls=list><ul id=list role=listbox><li role=option aria-selected=true>Norway</li><li role=option id=se>Sweden</li></ul><div role=switch aria-checked=false aria-label=Urgent tabindex=0>x</div>`);
  await it.page.click("#se");
  const step = await it.step(recorded, "select", "Country");
  assert.deepEqual([step.value?.old, step.value?.new], ["Norway", "Sweden"]);
  await it.page.click("[role=switch]");
  assert.equal((await it.step(recorded, "check", "Urgent")).value?.new, "true");
});
test("dialogs tell the question and the answer", async () => {
  const recorded = await it.show("<title>T</title>");
  const answers = [true, false, "Berlin", void 0];
  it.page.on("dialog", (dialog) => {
    const answer = answers.shift();
    void (answer === false ? dialog.dismiss() : dialog.accept(typeof answer === "string" ? answer : void 0));
  });
  const back = await it.page.evaluate(() => [confirm("Delete V-100?"), confirm("Really?"), prompt("City", "Rome"), alert("Done")]);
  assert.deepEqual(back.slice(0, 3), [true, false, "Berlin"]);
  assert.equal((await it.step(recorded, "dialog", "Delete V-100?")).value?.new, "true");
  assert.equal((await it.step(recorded, "dialog", "Really?")).value?.new, "false");
  assert.deepEqual((await it.step(recorded, "dialog", "City")).value, { old: "Rome", new: "Berlin", type: "text", masked: false, length: 6 });
  assert.equal((await it.step(recorded, "dialog", "Done")).value, null);
});
test("routes of the page are navigations, windows and prints are told", async () => {
  const recorded = await it.show("<title>T</title>");
  await it.page.evaluate(() => {
    history.pushState({}, "", "/vendors/V-100");
    history.replaceState({}, "", "/vendors/V-100");
    location.hash = "tab";
    window.open("/report", "report")?.close();
    dispatchEvent(new Event("beforeprint"));
  });
  const first = await it.step(recorded, "navigate", void 0, 0);
  assert.deepEqual([first.value?.old, first.value?.new], [`${gateway.origin}/`, `${gateway.origin}/vendors/V-100`]);
  assert.equal((await it.step(recorded, "navigate", void 0, 1)).value?.new, `${gateway.origin}/vendors/V-100#tab`);
  assert.equal((await it.step(recorded, "window_open", "report")).value?.new, `${gateway.origin}/report`);
  await it.step(recorded, "print", "T");
});
test("copy and paste tell the text", async () => {
  const recorded = await it.show(FORM);
  await it.page.evaluate(() => {
    const field = document.querySelector("#bank");
    field.focus();
    field.select();
    field.dispatchEvent(new ClipboardEvent("copy", { bubbles: true, composed: true }));
    const data = new DataTransfer();
    data.setData("text/plain", "FR76");
    field.dispatchEvent(new ClipboardEvent("paste", { bubbles: true, composed: true, clipboardData: data }));
  });
  const copy = await it.step(recorded, "copy", "Bank account");
  assert.equal(copy.value?.new, "DE1");
  assert.equal(copy.trusted, false);
  assert.equal((await it.step(recorded, "paste", "Bank account")).value?.new, "FR76");
});
test("dragging names what and where", async () => {
  const recorded = await it.show(`<title>T</title><button draggable=true id=card>Card 7</button><section role=button aria-label=Done id=done style="height:80px" ondragover="event.preventDefault()">x</section>`);
  await it.page.dragAndDrop("#card", "#done");
  assert.deepEqual((await it.step(recorded, "drag", "Done")).value?.old, "Card 7");
});
test("clicks of scripts are kept and marked", async () => {
  const recorded = await it.show("<title>T</title><button id=go>Go</button>");
  await it.page.evaluate(() => document.querySelector("#go")?.click());
  assert.equal((await it.step(recorded, "click", "Go")).trusted, false);
});
test("a page that stops every event at the window first cannot hide an action", async () => {
  const recorded = await it.show(`<script>for (const type of ["click", "input", "change", "pointerdown", "focusin", "keydown"]) { window.addEventListener(type, (event) => event.stopImmediatePropagation(), true); document.addEventListener(type, (event) => event.stopImmediatePropagation(), true); }</script>${FORM}`);
  await it.page.fill("#bank", "DE9");
  await it.page.click("#save");
  assert.equal((await it.step(recorded, "change", "Bank account")).value?.new, "DE9");
  await it.step(recorded, "click", "Save");
});
test("an element that the application removes while it is clicked still has its name", async () => {
  const recorded = await it.show(`<title>T</title><div id=box><button onclick="box.remove()">Vanish</button></div>`);
  await it.page.click("button");
  const step = await it.step(recorded, "click", "Vanish");
  assert.ok(step.selectors.length > 0);
});
test("inside shadow roots the control is named and found", async () => {
  const recorded = await it.show(`<title>T</title><x-field id=host></x-field><script>customElements.define("x-field", class extends HTMLElement { connectedCallback() { this.attachShadow({ mode: "open" }).innerHTML = "<label>Inner <input id=in></label><button>Press</button>"; } })</script>`);
  await it.page.fill("#in", "deep");
  await it.page.click("text=Press");
  assert.equal((await it.step(recorded, "change", "Inner")).value?.new, "deep");
  const step = await it.step(recorded, "click", "Press");
  assert.ok(step.selectors.some((selector) => /^css=#host >> /.test(selector)), step.selectors.join());
});
test("after document.write of a whole new page its actions are recorded as before", async () => {
  const recorded = await it.show("<title>T</title><button id=go>Go</button>");
  await it.page.evaluate(() => {
    document.open();
    document.write("<title>New</title><button id=other>Other</button>");
    document.close();
  });
  await it.page.click("#other");
  await it.step(recorded, "click", "Other");
  await gateway.until(() => JSON.stringify(recorded.dom).includes('"other"'), "the new page is in the DOM recording");
  assert.equal(recorded.steps.filter((one) => one.kind === "click").length, 1);
  assert.deepEqual(it.errors, []);
});
