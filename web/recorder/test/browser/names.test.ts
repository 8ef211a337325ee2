/** Our names against those of an independent implementation: Playwright finds each element by what we called it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { stage } from "../server/browser";

const it = stage();

const CORPUS = `<title>Corpus</title><h1>Corpus</h1>
<button>Plain</button>
<button aria-label="By label"><svg width=10 height=10></svg></button>
<button><span> Two </span> <b>parts</b></button>
<span id=l1>First</span><span id=l2>second</span><button aria-labelledby="l1 l2">x</button>
<button title="Only a title"><i style="display:inline-block;width:9px;height:9px"></i></button>
<button><img alt="Picture of a disk" width=10 height=10></button>
<button>Hidden <span hidden>not said</span> part</button>
<button aria-hidden=false>Shown ×</button>
<a href=#a>Plain link</a>
<a href=#b aria-label="Better link">click here</a>
<a href=#c><img alt="Logo" width=10 height=10> Home</a>
<input type=button value="Input button">
<input type=reset>
<label>Wrapped <input></label>
<label for=f1>For a field</label><input id=f1>
<input aria-label="Labelled field">
<input placeholder="Placeholder field">
<input title="Titled field">
<label>With <em>inner</em> markup <input type=email></label>
<label>Area <textarea></textarea></label>
<label>Number <input type=number></label>
<label>Search <input type=search></label>
<span id=d>Described by another</span><input aria-labelledby=d>
<div role=button tabindex=0>Div button</div>
<div role=tab tabindex=0 aria-selected=true>Div tab</div>
<ul role=menu aria-label=M><li role=menuitem tabindex=-1>Menu entry</li></ul>
<div role=link tabindex=0 aria-label="Div link">y</div>
<details><summary>More about it</summary>body</details>
<table><tr><th scope=col>Head</th></tr><tr><td><button>In a cell</button></td></tr></table>
<div role=treeitem tabindex=0>Tree entry</div>
<button><style>.x { color: red }</style>Styled</button>
<button>Zeilen<br>umbruch</button>
<button aria-describedby=d>Has description</button>
<fieldset><legend>Group</legend><label>Inside a group <input></label></fieldset>`;

test("at least 98 of 100 names and roles of a corpus agree with Playwright's", async () => {
  const recorded = await it.show(CORPUS);
  const count = await it.page.evaluate(() => {
    const elements = [...document.querySelectorAll<HTMLElement>("button,a,input,textarea,[role]:not([role=menu])")];
    elements.forEach((element, i) => (element.dataset["nr"] = String(i)));
    for (const element of elements) element.click();
    return elements.length;
  });
  await it.step(recorded, "click", undefined, count - 1);
  const steps = recorded.steps.filter((step) => step.kind === "click");
  const different: string[] = [];
  for (const [i, step] of steps.entries()) {
    const found = await it.page
      .getByRole(step.role as "button", { name: step.label, exact: true })
      .evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset["nr"]));
    if (!found.includes(String(i))) different.push(`${i}: ${step.role} "${step.label}" is ${found.join()}`);
  }
  assert.equal(steps.length, count);
  assert.ok(steps.every((step) => step.label !== ""), "every one has a name");
  assert.ok(different.length / count <= 0.02, `${different.length} of ${count}: ${different.join("; ")}`);
});

test("our selectors find the element again, for an outside tool", async () => {
  const recorded = await it.show(CORPUS);
  const elements = it.page.locator("button,input[type=button],a[href]");
  const count = await elements.count();
  for (let i = 0; i < count; i++) await elements.nth(i).evaluate((element) => (element as HTMLElement).click());
  await it.step(recorded, "click", undefined, count - 1);
  const steps = recorded.steps.filter((step) => step.kind === "click");
  for (const [i, step] of steps.entries()) {
    const css = step.selectors.find((selector) => selector.startsWith("css="));
    assert.ok(css, `${step.label} has a css selector`);
    const same = await it.page.locator(css).first().evaluate((one, handle) => one === handle, await elements.nth(i).elementHandle());
    assert.ok(same, `${css} is ${step.label}`);
  }
});
