/** A job in Tryton, done by hand as a bookkeeper would: sign in, make a party with an address, correct it. */
import type { Locator, Page } from "@playwright/test";
import { expect } from "@playwright/test";

import { untilQuiet } from "./quiet.ts";
import { Script } from "./script.ts";
import type { Tryton } from "./tryton.ts";

export const PARTY = {
  name: "Contoso Antwerp",
  correctedName: "Contoso Antwerp NV",
  buildingName: "Havenhuis",
  city: "Antwerpen",
  language: "Dutch",
};

/** After a sign-in Tryton asks for some 40 things one after the other before it draws its menu. */
const MENU_LIMIT_MS = 60_000;

/** Signs in to Tryton itself: behind a target with identity `none` that is the person's own business. */
export async function signInToTryton(page: Page, tryton: Tryton): Promise<Script> {
  const script = new Script();
  const dialog = page.getByRole("dialog");
  // The client asks the server for its databases first, and a sign-in before the answer would name none.
  await expect(dialog.getByRole("textbox").first()).toHaveValue(tryton.database);
  await script.enter(dialog.getByLabel("User name"), "User name", tryton.user);
  await script.submit(dialog.getByRole("button", { name: "Login" }), "Login");
  const password = `Password for ${tryton.user}`;
  await script.enterSecret(dialog.getByLabel(password), password, tryton.password);
  await script.click(dialog.getByRole("button", { name: "OK" }), "OK");
  // The first start of a fresh database offers its configuration; it can wait. Leaving it draws the menu anew,
  // and a click on the old menu would be lost.
  await expect(menuEntry(page, "Party")).toBeVisible({ timeout: MENU_LIMIT_MS });
  const configuration = page.getByRole("tabpanel").filter({ hasText: "Module Configuration" });
  const cancel = configuration.getByRole("button", { name: "Cancel" }).first();
  await untilQuiet(page, async () => await script.click(cancel, "Cancel"));
  await expect(page.getByRole("heading", { name: "Module Configuration" })).toHaveCount(0);
  await expect(menuEntry(page, "Party")).toBeVisible();
  return script;
}

function menuEntry(page: Page, name: string): Locator {
  return page.getByRole("navigation").last().getByRole("row", { name, exact: true }).first();
}

/** Makes the party and corrects its name; the script afterwards says which steps that were. */
export async function workInTryton(page: Page): Promise<Script> {
  const script = new Script();
  await script.click(menuEntry(page, "Party").getByRole("img").first(), "");
  await script.doubleClick(menuEntry(page, "Parties").getByRole("cell", { name: "Parties" }), "Parties");

  // Until the new form has its defaults, they would overwrite what is typed.
  await untilQuiet(page, async () => await script.click(page.getByRole("button", { name: "New" }).first(), "New"));
  await script.enter(page.getByRole("textbox", { name: "Name:", exact: true }), "Name", PARTY.name);
  await script.enter(page.getByRole("textbox", { name: "Building Name:" }), "Building Name", PARTY.buildingName);
  await script.enter(page.getByRole("combobox", { name: "City:" }), "City", PARTY.city);
  await script.choose(page.getByRole("combobox", { name: "Language:" }), "Language", PARTY.language);
  const save = page.getByRole("button", { name: "Save" });
  await untilQuiet(page, async () => await script.click(save, "Save"));
  await expect(page.getByRole("textbox", { name: "Code:" })).toHaveValue(/^\d+$/);

  await script.enter(page.getByRole("textbox", { name: "Name:", exact: true }), "Name", PARTY.correctedName);
  await script.click(save, "Save");
  await expect(page.getByRole("tab", { name: "Parties" })).toBeVisible();
  return script;
}
