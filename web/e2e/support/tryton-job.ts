/** A job in Tryton, done by hand as a bookkeeper would: sign in, make a party with an address, correct it. */
import type { Page } from "@playwright/test";
import { expect } from "@playwright/test";

import { Script } from "./script.ts";
import type { Tryton } from "./tryton.ts";

export const PARTY = {
  name: "Contoso Antwerp",
  correctedName: "Contoso Antwerp NV",
  buildingName: "Havenhuis",
  city: "Antwerpen",
  language: "Dutch",
};

/** Signs in to Tryton itself: behind a target with identity `none` that is the person's own business. */
export async function signInToTryton(page: Page, tryton: Tryton): Promise<void> {
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("User name").fill(tryton.user);
  await dialog.getByRole("button", { name: "Login" }).click();
  await dialog.getByLabel(`Password for ${tryton.user}`).fill(tryton.password);
  await dialog.getByRole("button", { name: "OK" }).click();
  // The first start of a fresh database offers its configuration; it can wait.
  const configuration = page.getByRole("tabpanel").filter({ hasText: "Module Configuration" });
  await configuration.getByRole("button", { name: "Cancel" }).first().click();
  await expect(page.getByRole("heading", { name: "Module Configuration" })).toHaveCount(0);
}

/** Makes the party and corrects its name; the script afterwards says which steps that were. */
export async function workInTryton(page: Page): Promise<Script> {
  const script = new Script();
  const menu = page.getByRole("navigation").last();
  const party = menu.getByRole("row", { name: "Party", exact: true }).first();
  await party.getByRole("img").first().click();
  await menu.getByRole("cell", { name: "Parties" }).dblclick();

  await script.click(page.getByRole("button", { name: "New" }).first(), "New");
  await script.enter(page.getByRole("textbox", { name: "Name:", exact: true }), "Name", PARTY.name);
  await script.enter(page.getByRole("textbox", { name: "Building Name:" }), "Building Name", PARTY.buildingName);
  await script.enter(page.getByRole("combobox", { name: "City:" }), "City", PARTY.city);
  await script.choose(page.getByRole("combobox", { name: "Language:" }), "Language", PARTY.language);
  const save = page.getByRole("button", { name: "Save" });
  await script.click(save, "Save");
  await expect(page.getByRole("textbox", { name: "Code:" })).toHaveValue(/^\d+$/);

  await script.enter(page.getByRole("textbox", { name: "Name:", exact: true }), "Name", PARTY.correctedName);
  await script.click(save, "Save");
  await expect(page.getByRole("tab", { name: "Parties" })).toBeVisible();
  return script;
}
