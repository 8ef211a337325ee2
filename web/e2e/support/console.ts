/** The console as a person uses it: by the names that it shows. All that the stories know of its pages is here. */
import type { Browser, BrowserContext, Locator, Page } from "@playwright/test";
import { expect } from "@playwright/test";

import type { Chaperone, DemoUser } from "./chaperone.ts";

export class Console {
  private constructor(
    readonly page: Page,
    readonly context: BrowserContext,
    readonly chaperone: Chaperone,
    readonly user: DemoUser,
  ) {}

  /** A browser of one's own, signed in to the console. */
  static async signIn(browser: Browser, chaperone: Chaperone, user: DemoUser, options: Parameters<Browser["newContext"]>[0] = {}): Promise<Console> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    await page.goto(`${chaperone.consoleUrl}/`);
    await page.getByLabel("User name").fill(user.user_name);
    await page.getByLabel("Password", { exact: true }).fill(user.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByRole("heading", { level: 1 })).not.toHaveText("Sign in");
    return new Console(page, context, chaperone, user);
  }

  /** The page of a session. */
  async open(session: string): Promise<void> {
    await this.page.goto(`${this.chaperone.consoleUrl}/privileged-sessions/${session}`);
    await expect(this.page.getByRole("heading", { level: 1 })).toBeVisible();
  }

  /** Fills **New** and answers the id of the session that it made. */
  async schedule(account: string, reason: string, target: string, moreAccounts: string[] = []): Promise<string> {
    const { page } = this;
    await page.goto(`${this.chaperone.consoleUrl}/privileged-sessions`);
    await page.getByRole("link", { name: "New" }).click();
    await choose(page, "Account", account);
    for (const more of moreAccounts) await choose(page, "Add an account", more);
    await choose(page, "Targets", target);
    await page.getByLabel("Reason").fill(reason);
    await page.getByRole("checkbox", { name: /recorded/ }).check();
    await page.getByRole("button", { name: "Create" }).click();
    await expect(this.status("Draft")).toBeVisible();
    const id = /privileged-sessions\/([0-9a-f-]{36})/.exec(page.url())?.[1];
    if (id === undefined) throw new Error(`no session in ${page.url()}`);
    return id;
  }

  /** Presses an action of the session's page and confirms it in its dialog. */
  async act(action: "Approve" | "Reject" | "Cancel" | "End now" | "Hand back"): Promise<void> {
    await this.page.getByRole("button", { name: action, exact: true }).first().click();
    await this.page.getByRole("dialog").getByRole("button", { name: action, exact: true }).click();
  }

  /** The word of a state. */
  status(word: string): Locator {
    return this.page.getByText(word, { exact: true }).first();
  }

  tab(name: "Overview" | "Audit log" | "User log" | "Recordings" | "Account"): Locator {
    return this.page.getByRole("tab", { name, exact: true });
  }

  /** **My access**: opens a session with the password given again and consent; answers the target's page. */
  async enter(target: string): Promise<Page> {
    const { page } = this;
    await page.goto(`${this.chaperone.consoleUrl}/my-access`);
    await page.getByRole("button", { name: "Open" }).first().click();
    await page.getByLabel("Password", { exact: true }).fill(this.user.password);
    await page.getByRole("button", { name: "Agree and open" }).click();
    const [opened] = await Promise.all([this.context.waitForEvent("page"), page.getByRole("link", { name: target }).first().click()]);
    await opened.waitForLoadState("domcontentloaded");
    return opened;
  }
}

/** Picks from a list, whether the browser draws it or the page. */
async function choose(page: Page, label: string, option: string): Promise<void> {
  const field = page.getByLabel(label).first();
  if ((await field.evaluate((element) => element.localName)) === "select") {
    await field.selectOption({ label: option });
    return;
  }
  await field.click();
  await page.getByRole("option", { name: option }).click();
  await page.keyboard.press("Escape");
}
