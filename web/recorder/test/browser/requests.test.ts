import assert from "node:assert/strict";
import { test } from "node:test";
import { stage } from "../server/browser";
import type { Seen } from "../server/reference";

const it = stage();
const { gateway } = it;
const PAGE = "<title>T</title><h1>Vendors</h1><button id=go>Go</button>";
const write = (path: string): Promise<Seen> =>
  gateway.until(() => gateway.seen.find((one) => one.path === path), `${path}; seen ${gateway.seen.map((one) => `${one.method} ${one.path}`).join()}`);

test("a change by fetch carries the token of the batch that holds the click before it", async () => {
  const recorded = await it.show(`${PAGE}<script>go.onclick = () => fetch("/api/save?a=1#x", { method: "POST", body: "hello" })</script>`);
  await it.page.click("#go");
  const seen = await write("/api/save?a=1");
  assert.deepEqual([seen.by, seen.outcome, seen.body], ["header", "released", "hello"]);
  const holds = recorded.batches.slice(0, (seen.sequence ?? -1) + 1).some((batch) => batch.entries.some(([channel, step]) => channel === "s" && (step as { kind: string }).kind === "click"));
  assert.ok(holds, "the click is in the batches up to the one named");
});

test("fetch keeps every kind of request as the page made it", async () => {
  await it.show(PAGE);
  const results = await it.page.evaluate(async () => {
    const text = async (answer: Promise<Response>): Promise<string> => (await answer).text();
    const form = new FormData();
    form.append("a", "b");
    form.append("f", new Blob(["file"]), "name.txt");
    const given = new Request("/api/given", { method: "PUT", body: "body", headers: { "X-Own": "1", "Content-Type": "text/x-own" } });
    const stopped = new AbortController();
    const late = fetch("/api/never", { method: "POST", signal: stopped.signal }).then(() => "answered", (error: Error) => error.name);
    stopped.abort();
    const done = [
      await text(fetch("api/relative", { method: "post", body: new URLSearchParams({ q: "ü" }) })),
      await text(fetch(new URL("/api/url", location.href), { method: "DELETE" })),
      await text(fetch("/api/form", { method: "POST", body: form })),
      await text(fetch(given)),
      await text(fetch(new Request("/api/mixed", { method: "POST", body: "1" }), { method: "PATCH", body: "2" })),
    ];
    const wrong = await fetch("http://[", { method: "POST" }).then(() => "answered", (error: Error) => error.constructor.name);
    const body = await fetch("/api/get", { method: "GET", body: "x" } as RequestInit).then(() => "answered", (error: Error) => error.constructor.name);
    return { done, used: given.bodyUsed, late: await late, wrong, body };
  });
  assert.deepEqual(results, { done: ["done POST", "done DELETE", "done POST", "done PUT", "done PATCH"], used: true, late: "AbortError", wrong: "TypeError", body: "TypeError" });
  const by = (path: string): Seen => gateway.seen.find((one) => one.path === path) as Seen;
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
    document.querySelector<HTMLElement>("#go")?.click();
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
  assert.equal((await write("/api/xhr")).body, "\x01\x02\x03");
});

test("a streamed body passes", async () => {
  await it.show(PAGE);
  const name = await it.page.evaluate(async () => {
    const body = new ReadableStream({ start(controller) { controller.enqueue(new TextEncoder().encode("streamed")); controller.close(); } });
    // HTTP/1.1 refuses streamed uploads; the refusal must be the browser's own.
    return fetch("/api/stream", { method: "POST", body, duplex: "half" } as RequestInit).then(() => "sent", (error: Error) => error.constructor.name);
  });
  assert.ok(["sent", "TypeError"].includes(name));
});

test("reads of the own origin carry the token too, and are never held", async () => {
  await it.show(PAGE);
  gateway.delay = 1500;
  const took = await it.page.evaluate(async () => {
    document.querySelector<HTMLElement>("#go")?.click();
    const began = performance.now();
    await fetch("/api/list");
    return performance.now() - began;
  });
  const seen = await write("/api/list");
  assert.equal(seen.by, "header");
  assert.ok(took < 1000, `${took} ms`);
});

test("at most three changes are on the way at once, and all arrive in order", async () => {
  let open = 0;
  let most = 0;
  await it.show(PAGE);
  for (let i = 0; i < 10; i++) {
    gateway.page(`/api/${i}`, (_request, response) => {
      open += 1;
      most = Math.max(most, open);
      setTimeout(() => { open -= 1; response.end("ok"); }, 60);
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
    return new Promise((done) => { raw.onload = () => done(raw.status); raw.send(); });
  });
  assert.equal(status, 428);
});

test("XMLHttpRequest works as before: events, headers, abort, timeout, upload, synchronous", async () => {
  const recorded = await it.show(`${PAGE}<label>Name <input id=name></label>`);
  const results = await it.page.evaluate(async () => {
    const run = (method: string, path: string, body?: XMLHttpRequestBodyInit): Promise<unknown> =>
      new Promise((done) => {
        const xhr = new XMLHttpRequest();
        const states: number[] = [];
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
    const sync = new XMLHttpRequest();
    document.querySelector<HTMLElement>("#go")?.click();
    sync.open("POST", "/api/sync", false);
    sync.send("s");
    return { first, second, sync: [sync.status, sync.responseText] };
  });
  assert.deepEqual(results, {
    first: [200, "done POST", "1,2,3,4", true],
    second: [200, "done PUT", "1,2,3,4", true],
    sync: [200, "done POST"],
  });
  for (const path of ["/api/xhr?b=2", "/api/form", "/api/sync"]) assert.equal(gateway.seen.find((one) => one.path === path)?.outcome, "released", path);
  const sync = gateway.seen.find((one) => one.path === "/api/sync");
  const click = recorded.batches.findIndex((batch) => batch.entries.some(([channel, step]) => channel === "s" && (step as { kind: string }).kind === "click"));
  assert.ok(click >= 0 && click <= (sync?.sequence ?? -1), "the click is named by the synchronous request");
});

test("a request that is held can be aborted and never leaves, and its XMLHttpRequest opened again", async () => {
  await it.show(PAGE);
  gateway.faults = ["slow"];
  const results = await it.page.evaluate(async () => {
    document.querySelector<HTMLElement>("#go")?.click();
    const log: string[] = [];
    const xhr = new XMLHttpRequest();
    for (const type of ["abort", "loadend", "load"]) xhr.addEventListener(type, () => log.push(type));
    void fetch("/api/first", { method: "POST" });
    document.querySelector<HTMLElement>("#go")?.click();
    const stop = new AbortController();
    const stopped = fetch("/api/stopped", { method: "POST", signal: stop.signal }).catch((error: Error) => error.name);
    stop.abort();
    if ((await stopped) !== "AbortError") log.push("not aborted");
    xhr.open("POST", "/api/aborted");
    xhr.send("1");
    try { xhr.setRequestHeader("X-Late", "1"); log.push("set"); } catch (error) { log.push((error as Error).name); }
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
  await it.page.evaluate(() => { location.href = "/next"; });
  const seen = await write("/log/bye");
  assert.deepEqual([seen.by, seen.outcome], ["intent", "released"]);
});

test("WebSockets carry the token, each message its sequence, and the page sees none of it", async () => {
  await it.show(PAGE);
  const results = await it.page.evaluate(async () => {
    const socket = new WebSocket("/live?room=1");
    socket.binaryType = "arraybuffer";
    await new Promise((done, fail) => { socket.onopen = done; socket.onerror = () => fail(new Error("refused")); });
    const answers: unknown[] = [];
    const all = new Promise<void>((done) => { socket.onmessage = ({ data }) => { answers.push(typeof data === "string" ? data : [...new Uint8Array(data as ArrayBuffer)]); if (answers.length === 4) done(); }; });
    document.querySelector<HTMLElement>("#go")?.click();
    socket.send("text|with bar");
    socket.send(new Uint8Array([0, 255]));
    socket.send(new Uint8Array([7, 8, 9]).subarray(1).buffer.slice(1));
    socket.send(new Blob(["blob"]));
    await all;
    class Own extends WebSocket { extra = 1; }
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
  assert.ok(click.t > 1_700_000_000_000);
  assert.equal(await it.page.evaluate(() => (window as unknown as { mine: number }).mine), 1, "only the page's own calls go through the page's fetch");
  assert.equal(recorded.broken, null);
});

test("requests to other places are left alone", async () => {
  const recorded = await it.show(PAGE);
  await it.page.evaluate(async () => {
    await fetch("data:text/plain,x", { method: "GET" });
    await fetch("http://127.0.0.1:9/x", { method: "POST", mode: "no-cors" }).catch(() => undefined);
    navigator.sendBeacon("http://127.0.0.1:9/y");
  });
  assert.equal(recorded.intents.length, 0);
});
