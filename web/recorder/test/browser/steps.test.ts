import assert from "node:assert/strict";
import { test } from "node:test";
import { stage } from "../server/browser";

const it = stage();
const { gateway } = it;
const FORM = `<title>V-100 Contoso</title><h1>V-100 Contoso</h1>
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
  const before = recorded.steps.findIndex((one) => one.kind === "change");
  assert.equal(recorded.steps[before + 1]?.label, "Notes", "the change comes before the click that ended it");
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

test("a date that stands there and is typed over is one change, however slowly", async () => {
  const recorded = await it.show(FORM);
  await it.page.evaluate(() => ((document.querySelector("#due") as HTMLInputElement).value = "2026-12-12"));
  await it.page.focus("#due");
  await it.page.keyboard.type("01072027", { delay: 200 });
  await it.page.keyboard.press("Tab");
  await it.page.click("#notes");
  await it.step(recorded, "click", "Notes");
  const changes = recorded.steps.filter((one) => one.kind === "change");
  assert.deepEqual(changes.map((one) => [one.value?.old, one.value?.new]), [["2026-12-12", "2027-01-07"]]);
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
    [["change", "Item", "fold"], ["select", "Item", "I-2061 Folding box"]],
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
  await it.step(recorded, "key", undefined, 3);
  const kinds = recorded.steps.map((one) => (one.kind === "key" ? `key ${one.value?.new}` : one.kind)).filter((kind) => kind !== "page");
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
  const answers = [true, false, "Berlin", undefined];
  it.page.on("dialog", (dialog) => {
    const answer = answers.shift();
    void (answer === false ? dialog.dismiss() : dialog.accept(typeof answer === "string" ? answer : undefined));
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
  const first = await it.step(recorded, "navigate", undefined, 0);
  assert.deepEqual([first.value?.old, first.value?.new], [`${gateway.origin}/`, `${gateway.origin}/vendors/V-100`]);
  assert.equal((await it.step(recorded, "navigate", undefined, 1)).value?.new, `${gateway.origin}/vendors/V-100#tab`);
  assert.equal((await it.step(recorded, "window_open", "report")).value?.new, `${gateway.origin}/report`);
  await it.step(recorded, "print", "T");
});

test("copy and paste tell the text", async () => {
  const recorded = await it.show(FORM);
  await it.page.evaluate(() => {
    const field = document.querySelector<HTMLInputElement>("#bank") as HTMLInputElement;
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
  await it.page.evaluate(() => document.querySelector<HTMLElement>("#go")?.click());
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
  await it.page.evaluate(() => { document.open(); document.write("<title>New</title><button id=other>Other</button>"); document.close(); });
  await it.page.click("#other");
  await it.step(recorded, "click", "Other");
  await gateway.until(() => JSON.stringify(recorded.dom).includes('"other"'), "the new page is in the DOM recording");
  assert.equal(recorded.steps.filter((one) => one.kind === "click").length, 1);
  assert.deepEqual(it.errors, []);
});
