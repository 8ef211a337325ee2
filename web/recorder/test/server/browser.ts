/** One browser and one reference gateway for a file of tests. */
import { after, afterEach, before } from "node:test";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { type RecordedDocument, ReferenceGateway } from "./reference";
import type { Step, StepKind } from "../../src/steps";

export interface Stage {
  gateway: ReferenceGateway;
  browser: Browser;
  page: Page;
  context: BrowserContext;
  errors: string[];
  /** Shows a page and waits until its recorder is live. */
  show(html: string, path?: string): Promise<RecordedDocument>;
  /** Waits for a step. */
  step(document: RecordedDocument, kind: StepKind, label?: string, nth?: number): Promise<Step>;
}

const BROWSER = process.env["CHAPERONE_BROWSER"] ?? "/usr/bin/chromium";

export const stage = (): Stage => {
  const it = { gateway: new ReferenceGateway(), errors: [] } as unknown as Stage;
  before(async () => {
    await it.gateway.start();
    it.browser = await chromium.launch({
      executablePath: BROWSER,
      ignoreDefaultArgs: ["--disable-back-forward-cache"],
      args: [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
      ],
    });
  });
  after(async () => {
    await it.browser?.close();
    await it.gateway.stop();
  });
  afterEach(async () => {
    await it.context?.close();
    it.gateway.forget();
  });
  it.show = async (html, path = "/") => {
    it.errors.length = 0;
    it.context = await it.browser.newContext();
    it.page = await it.context.newPage();
    it.page.on("pageerror", (error) => it.errors.push(String(error)));
    await it.page.goto(it.gateway.page(path, html));
    const document = it.gateway.document(path);
    await it.gateway.until(() => document.dom.some((event) => event.type === 2), "the first snapshot");
    return document;
  };
  it.step = (document, kind, label, nth = 0) =>
    it.gateway.until(
      () => document.steps.filter((step) => step.kind === kind && (label === undefined || step.label === label))[nth],
      `step ${kind} ${label ?? ""}; there are ${JSON.stringify(document.steps.map((step) => [step.kind, step.label, step.value?.new]))}`,
    );
  return it;
};
