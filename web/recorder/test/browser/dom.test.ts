import assert from "node:assert/strict";
import { test } from "node:test";
import { stage } from "../server/browser";

const it = stage();
const { gateway } = it;
const all = (recorded: { dom: unknown[]; steps: unknown[] }): string => JSON.stringify([recorded.dom, recorded.steps]);

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
  await it.page.type("#secret", "hunter2-Zürich");
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
  for (const stage of ["hunter2-Zürich-more", "hunter2-Zürich", "hunter2", "hunt"]) assert.ok(!everything.includes(stage), stage);
  assert.ok(everything.includes("You typed ••••"));
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
    const grid = document.querySelector("#grid") as HTMLElement;
    grid.innerHTML = Array.from({ length: 4000 }, (_, i) => `<p><b>cell ${i}</b></p>`).join("");
  });
  await gateway.until(() => recorded.dom.filter((event) => event.type === 2).length >= 3, "a third snapshot");
  await gateway.until(() => JSON.stringify(recorded.dom).includes("cell 3999"), "its last cell");
  const lists = recorded.dom.filter((event) => event.type === 3 && event.data["source"] === 0 && JSON.stringify(event).includes("cell 3999"));
  assert.equal(lists.length, 0);
  await it.page.evaluate(() => { (document.querySelector("#grid") as HTMLElement).innerHTML = "<p>small again</p>"; });
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
      (document.querySelector("#s") as HTMLStyleElement).sheet?.insertRule("}}");
      return "none";
    } catch (error) {
      return (error as Error).name;
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
  // The same tag in a page of a strict policy: the document begins again at sequence 0, so it gets a fresh place.
  await it.page.goto("about:blank");
  await gateway.until(() => (recorded.batches.at(-1)?.flags ?? 0) & 8, "the first one ended");
  recorded.batches.length = 0;
  gateway.banner = { recording: true, account: "a", user: "u", reason: "r", now: new Date().toISOString(), ends_at: new Date(Date.now() + 60_000).toISOString(), console_url: "http://x/" };
  html = `<!doctype html><script src="/.chaperone/test/recorder.js" ${tag}></script><title>Strict</title><button>Go</button>`;
  const violations: string[] = [];
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
  await gateway.until(() => JSON.stringify(recorded.dom.slice(-40)).includes(String(49 * 11 + 19)), "the last drawing", 15_000);
  assert.equal(recorded.broken, null);
  assert.ok(recorded.batches.length < 20, `${recorded.batches.length} batches`);
});
