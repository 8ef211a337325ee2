/** The audit of user access as a person uses it: its pages by the names that they show. */
import { readFile } from "node:fs/promises";

import type { Locator, Page } from "@playwright/test";
import { expect } from "@playwright/test";

import type { Console } from "./console.ts";

/** Switches something on the page of the audit settings and confirms what will follow; answers that sentence. */
export async function switchAudit(console: Console, name: string, followed: RegExp): Promise<void> {
  const { page } = console;
  await page.goto(`${console.chaperone.consoleUrl}/organization/audit-settings`);
  const box = page.getByRole("switch", { name });
  await expect(box).toBeVisible();
  // The picture of a switch lies over the field that it is.
  await box.click({ force: true });
  const dialog = page.getByRole("dialog");
  if (!(await dialog.isVisible())) await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(dialog).toContainText(followed);
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();
}

/** Chooses in one of a list's filters. */
export async function pick(page: Page, filter: string, option: string | RegExp): Promise<void> {
  await page.getByRole("combobox", { name: filter, exact: true }).click();
  await page.getByRole("option", { name: option }).click();
}

/** Chooses a format of an export button and answers the file that came. */
export async function exportGrid(page: Page, format: "CSV" | "Excel" | "JSON lines" | "Parquet", button: "Export grid" | "Export" = "Export grid"): Promise<{ name: string; bytes: Buffer }> {
  await page.getByRole("button", { name: button, exact: true }).click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: format }).click()]);
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

/** The rows of a CSV file by the names in its first line (RFC 4180). */
export function csvRows(text: string): Record<string, string>[] {
  const lines = text.match(/("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n|$)/g) ?? [];
  const rows: string[][] = [[]];
  for (const piece of lines) {
    const cell = piece.replace(/(,|\r?\n)$/, "");
    rows.at(-1)?.push(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell);
    if (piece.endsWith("\n")) rows.push([]);
    else if (!piece.endsWith(",")) break;
  }
  const [names = [], ...cells] = rows.filter((row) => row.length > 1);
  return cells.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index] ?? ""])));
}

/** The row of a table with all these words. */
export function rowWith(page: Page, ...words: (string | RegExp)[]): Locator {
  return words.reduce<Locator>((rows, word) => rows.filter({ hasText: word }), page.getByRole("row")).first();
}
