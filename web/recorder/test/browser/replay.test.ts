/** What was recorded shows what was there: an outside replayer builds the page again from the recorded events. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { stage } from "../server/browser";
import type { DomEvent } from "../server/reference";

const it = stage();
const { gateway } = it;
const replayer = join(dirname(createRequire(import.meta.url).resolve("@rrweb/replay")), "replay.umd.min.cjs");

/** The page as the outside replayer shows it at the end of the events: its text and its fields. */
const rebuilt = async (page: Page, events: DomEvent[]): Promise<string> => {
  await page.goto("about:blank");
  await page.addScriptTag({ path: replayer });
  return page.evaluate(async (all) => {
    type Replay = { pause(at: number): void; getMetaData(): { totalTime: number }; iframe: HTMLIFrameElement };
    const global = window as unknown as Record<string, { Replayer: new (events: unknown[], config: object) => Replay }>;
    const library = global["rrwebReplay"] ?? global["rrweb"];
    if (!library) throw new Error(`no replayer in ${Object.keys(window).filter((name) => /rr/i.test(name)).join()}`);
    const replay = new library.Replayer(all, { showWarning: false });
    replay.pause(replay.getMetaData().totalTime + 1);
    await new Promise((done) => setTimeout(done, 300));
    const body = replay.iframe.contentDocument?.body as HTMLElement;
    const fields = [...body.querySelectorAll("input,select,textarea")].map((field) => `${(field as HTMLInputElement).value}/${String(field.localName === "input" && (field as HTMLInputElement).checked)}`);
    return `${body.innerText.replace(/\s+/g, " ").trim()}|${fields.join()}`;
  }, events as unknown[]);
};

const live = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const fields = [...document.body.querySelectorAll("input,select,textarea")].map((field) => `${(field as HTMLInputElement).value}/${String(field.localName === "input" && (field as HTMLInputElement).checked)}`);
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
    const list = document.querySelector("#list") as HTMLElement;
    const random = (limit: number): number => { seed = (seed * 16807) % 2147483647; return seed % limit; };
    let seed = 4711;
    for (let i = 0; i < 300; i++) {
      const at = list.children[random(list.children.length)] as HTMLElement | undefined;
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
    const grid = document.querySelector("#grid") as HTMLElement;
    grid.innerHTML = Array.from({ length: 6000 }, (_, i) => `<p>${i}</p>`).join("");
    void Promise.resolve().then(() => {
      grid.firstElementChild?.remove();
      return Promise.resolve().then(() => { (grid.lastElementChild as HTMLElement).textContent = "changed at once"; });
    });
    setTimeout(() => grid.append(Object.assign(document.createElement("p"), { textContent: "changed later" })), 50);
  });
  await gateway.until(() => JSON.stringify(recorded.dom).includes("changed later"), "the last change");
  const expected = await live(it.page);
  const shown = await rebuilt(it.page, recorded.dom);
  assert.deepEqual([shown.length, shown.slice(0, 60), shown.slice(-60)], [expected.length, expected.slice(0, 60), expected.slice(-60)]);
});
