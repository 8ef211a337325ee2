/** The banner of a recorded page. It stands in a closed shadow root, so that the page cannot reach it; people see it, and so do these, by what assistive programs are told. */
import type { Page } from "@playwright/test";
import { expect } from "@playwright/test";

interface Told {
  role: string;
  name: string;
  node: number;
}

interface Node {
  ignored: boolean;
  role?: { value: string };
  name?: { value: string };
  backendDOMNodeId?: number;
}

async function told(page: Page): Promise<Told[]> {
  const protocol = await page.context().newCDPSession(page);
  const { nodes } = (await protocol.send("Accessibility.getFullAXTree")) as { nodes: Node[] };
  await protocol.detach();
  return nodes.filter(({ ignored }) => !ignored).map(({ role, name, backendDOMNodeId }) => ({ role: role?.value ?? "", name: name?.value ?? "", node: backendDOMNodeId ?? 0 }));
}

/** That the page is recorded as this account, and that the time left is counted down. */
export async function expectBanner(page: Page, account: string): Promise<void> {
  const time = async (): Promise<string | undefined> => (await told(page)).map(({ name }) => name).find((name) => /^(\d+:)?\d{1,2}:\d\d left$/.test(name));
  await expect.poll(async () => (await told(page)).some(({ name }) => name === `Recording · ${account}`)).toBe(true);
  const first = await time();
  expect(first, "the time left").toBeDefined();
  await expect.poll(time, "it goes on").not.toBe(first);
}

/** Clicks *Hand back* where it is seen; answers the page of the console that it opens. */
export async function handBackInBanner(page: Page): Promise<Page> {
  const link = (await told(page)).find(({ role, name }) => role === "link" && name === "Hand back");
  if (!link) throw new Error("the banner shows no way to hand back");
  const protocol = await page.context().newCDPSession(page);
  const { model } = (await protocol.send("DOM.getBoxModel", { backendNodeId: link.node })) as { model: { content: number[] } };
  await protocol.detach();
  const [left = 0, top = 0, , , right = 0, bottom = 0] = model.content;
  const [opened] = await Promise.all([page.context().waitForEvent("page"), page.mouse.click((left + right) / 2, (top + bottom) / 2)]);
  await opened.waitForLoadState("domcontentloaded");
  return opened;
}
