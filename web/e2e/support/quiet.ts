/** When a page has stopped talking to its server: an application that is still loading may overwrite what is typed. */
import type { Page, Request } from "@playwright/test";

/** Without a request for this long, a page has everything that it asked for. */
const QUIET_MS = 500;
const LOOK_MS = 20;

/** Does something, and waits until no request of the application is on its way and none has been for a while. */
export async function untilQuiet(page: Page, act: () => Promise<void>): Promise<void> {
  const running = new Set<Request>();
  let last = Date.now();
  const began = (request: Request): void => {
    if (request.url().includes("/.chaperone/")) return;
    running.add(request);
    last = Date.now();
  };
  const done = (request: Request): void => {
    if (running.delete(request)) last = Date.now();
  };
  page.on("request", began).on("requestfinished", done).on("requestfailed", done);
  try {
    await act();
    while (running.size > 0 || Date.now() - last < QUIET_MS) await page.waitForTimeout(LOOK_MS);
  } finally {
    page.off("request", began).off("requestfinished", done).off("requestfailed", done);
  }
}
