/**
 * A morning's work in the sample ERP: correct a vendor, change where it is paid to, attach a letter and read it
 * back, order from it and send the order on. It goes through the server-rendered part (forms), the part that
 * routes in the browser (a grid with lookups), dialogs, files and the WebSocket.
 */
import { readFile } from "node:fs/promises";

import type { Page } from "@playwright/test";
import { expect } from "@playwright/test";

import { type ExpectedStep, Script } from "./script.ts";

export const VENDOR = "V-1003";
export const LETTER = {
  name: "change-of-bank.txt",
  mimeType: "text/plain",
  buffer: Buffer.from("Please pay to our new account from December on.\n"),
};

/** What is ordered. */
const ITEM = "I-2061 Folding box";

/** A field of a record that the ERP itself says was changed. */
export interface Change {
  who: string;
  user: string | null;
  entity: string;
  record: string;
  field: string;
  old: string | null;
  new: string | null;
}

/** What the ERP must have noted when the job is done, in this order, and the step that explains each. */
export const CHANGES: { field: string; value: RegExp; step: Partial<ExpectedStep> }[] = [
  { field: "Contact person", value: /^Amélie Fournier$/, step: { kind: "change", label: "Contact person", value: "Amélie Fournier" } },
  { field: "Payment terms", value: /^Net 60 days$/, step: { kind: "select", label: "Payment terms", value: "Net 60 days" } },
  { field: "Sends electronic invoices", value: /^Yes$/, step: { kind: "check", label: "Sends electronic invoices", value: "true" } },
  { field: "Bank account", value: /^GB29NWBK60161331926819$/, step: { kind: "change", label: "Bank account (IBAN)" } },
  { field: "Bank account currency", value: /^GBP$/, step: { kind: "select", label: "Currency", value: "GBP" } },
  { field: "Attachment", value: /^change-of-bank\.txt \(48 bytes\)$/, step: { kind: "file_pick", label: "File" } },
  { field: "Number", value: /^PO-\d+$/, step: { kind: "submit", label: "Save" } },
  { field: "Status", value: /^Draft$/, step: { kind: "submit", label: "Save" } },
  { field: "Vendor", value: /^V-1003$/, step: { kind: "select", label: "Vendor" } },
  { field: "Line 1", value: /^I-2061 12 × Bundle at 4\.75$/, step: { kind: "change", label: "Price of line 1", value: "4.75" } },
  { field: "Status", value: /^In review$/, step: { kind: "click", label: "Send to review" } },
];

export async function workInErp(page: Page, erp: string): Promise<Script> {
  const script = new Script();
  await page.goto(`${erp}/`);
  const main = page.getByRole("navigation", { name: "Main" });
  await script.click(main.getByRole("link", { name: "Vendors" }), "Vendors");

  await script.enter(page.getByRole("searchbox", { name: "Search" }), "Search", VENDOR);
  await script.submit(page.getByRole("button", { name: "Find" }), "Find");
  await script.click(page.getByRole("link", { name: VENDOR }), VENDOR);
  await correctVendor(page, script);
  await changeBankAccount(page, script);
  await attachLetter(page, script);
  await script.click(main.getByRole("link", { name: "Purchase orders" }), "Purchase orders");
  await order(page, script);
  return script;
}

async function correctVendor(page: Page, script: Script): Promise<void> {
  const form = page.getByRole("region", { name: "General" });
  await script.enter(form.getByLabel("Contact person"), "Contact person", "Amélie Fournier");
  await script.choose(form.getByLabel("Payment terms"), "Payment terms", "Net 60 days");
  await script.check(form.getByLabel("Sends electronic invoices"), "Sends electronic invoices");
  await script.submit(form.getByRole("button", { name: "Save" }), "Save");
  await expect(page.getByText("The vendor was saved.")).toBeVisible();
}

async function changeBankAccount(page: Page, script: Script): Promise<void> {
  await script.click(page.getByRole("link", { name: "Bank accounts" }), "Bank accounts");
  const edit = page.getByRole("button", { name: /^Edit / }).first();
  await script.click(edit, (await edit.getAttribute("aria-label")) ?? "");
  const dialog = page.getByRole("dialog");
  await script.enter(dialog.getByLabel("Bank account (IBAN)"), "Bank account (IBAN)", "GB29 NWBK 6016 1331 9268 19");
  await script.choose(dialog.getByLabel("Currency"), "Currency", "GBP");
  await script.submit(dialog.getByRole("button", { name: "Save bank account" }), "Save bank account");
  await expect(page.getByRole("cell", { name: "GB29 NWBK 6016 1331 9268 19" })).toBeVisible();
}

async function attachLetter(page: Page, script: Script): Promise<void> {
  await script.click(page.getByRole("link", { name: "Attachments" }), "Attachments");
  const form = page.getByRole("form", { name: "Attach a file" });
  await script.pickFile(form.getByLabel("File"), "File", LETTER);
  await script.enter(form.getByLabel("Description"), "Description", "Letter of the vendor");
  await script.submit(form.getByRole("button", { name: "Attach" }), "Attach");
  const link = page.getByRole("link", { name: LETTER.name });
  const [download] = await Promise.all([page.waitForEvent("download"), script.click(link, LETTER.name)]);
  script.expected.push({ kind: "download", label: LETTER.name });
  expect(await readFile(await download.path())).toEqual(LETTER.buffer);
}

/** A day that the form does not preset, whenever the story runs: typing what stands there changes nothing. */
function deliveryDate(): string {
  return new Date(Date.now() + 40 * 24 * 60 * 60 * 1000).toISOString().slice(0, 10);
}

async function order(page: Page, script: Script): Promise<void> {
  await script.click(page.getByRole("link", { name: "New order" }), "New order");
  const form = page.getByRole("form", { name: "New purchase order" });
  const vendor = page.getByRole("option", { name: VENDOR });
  await script.lookUp(form.getByRole("combobox", { name: "Vendor" }), "Vendor", "castel", vendor, `${VENDOR} Castellane Packaging Lyon`);
  await script.enterDate(form.getByLabel("Delivery date"), "Delivery date", deliveryDate());
  await script.click(form.getByRole("button", { name: "Add line" }), "Add line");
  const item = form.getByRole("combobox", { name: "Item of line 1" });
  const box = page.getByRole("option", { name: ITEM });
  await script.lookUp(item, "Item of line 1", "folding", box, `${ITEM} 400 × 300 × 200 21.50`);
  await script.enter(form.getByLabel("Quantity of line 1"), "Quantity of line 1", "12");
  await script.enter(form.getByLabel("Price of line 1"), "Price of line 1", "4.75");
  await script.submit(form.getByRole("button", { name: "Save" }), "Save");
  await expect(page.getByRole("heading", { name: /^Purchase order PO-/ })).toBeVisible();
  await script.click(page.getByRole("button", { name: "Send to review" }), "Send to review");
  await expect(page.getByRole("heading", { name: /In review$/ })).toBeVisible();
}
