/**
 * A scripted job: what a person does in an application, and at the same time the list of steps that the
 * recording must show for it. Every act goes by accessible names, which is also how a step names things, so
 * the expectation is written by doing the act and not by hand.
 */
import { type Locator, expect } from "@playwright/test";

/** What we compare of a step; the rest of it is for replay and for selectors. */
export interface ExpectedStep {
  kind: "click" | "double_click" | "change" | "select" | "check" | "submit" | "file_pick" | "download" | "dialog" | "key";
  label: string;
  /** The value afterwards, as the recording shows it; absent where the kind has none. */
  value?: string;
}

export class Script {
  readonly expected: ExpectedStep[] = [];

  async click(what: Locator, label: string): Promise<void> {
    await what.click();
    this.expected.push({ kind: "click", label });
  }

  async doubleClick(what: Locator, label: string): Promise<void> {
    await what.dblclick();
    // A browser says two clicks and then that they were one double click.
    this.expected.push({ kind: "click", label }, { kind: "click", label }, { kind: "double_click", label });
  }

  /** Presses the button that sends a form: the click, and what it does. */
  async submit(button: Locator, label: string): Promise<void> {
    await button.click();
    this.expected.push({ kind: "click", label }, { kind: "submit", label });
  }

  /** Types like a person and leaves the field, which is when an application takes the value. */
  async enter(field: Locator, label: string, value: string): Promise<void> {
    await field.click();
    await field.press("ControlOrMeta+a");
    await field.pressSequentially(value);
    // An application that overwrites what is typed would make the expectation wrong, not the recording.
    await expect(field).toHaveValue(value);
    await field.press("Tab");
    this.expected.push({ kind: "click", label }, { kind: "change", label, value });
  }

  /** Types what nobody may read afterwards: the step is there, its value is not. */
  async enterSecret(field: Locator, label: string, value: string): Promise<void> {
    await field.click();
    await field.pressSequentially(value);
    this.expected.push({ kind: "click", label }, { kind: "change", label });
  }

  /** Types month, day and year of a date (`2026-12-31`) one after the other, as the browser's own language wants them. */
  async enterDate(field: Locator, label: string, value: string): Promise<void> {
    await field.focus();
    const [year, month, day] = value.split("-");
    await field.pressSequentially(`${month}${day}${year}`);
    await expect(field).toHaveValue(value);
    await field.press("Tab");
    this.expected.push({ kind: "change", label, value });
  }

  /** Types the beginning into a lookup and chooses what it offers. */
  async lookUp(field: Locator, label: string, typed: string, option: Locator, shown: string): Promise<void> {
    await field.click();
    await field.pressSequentially(typed);
    await option.click();
    this.expected.push({ kind: "click", label }, { kind: "change", label, value: typed }, { kind: "select", label, value: shown });
  }

  async choose(field: Locator, label: string, option: string): Promise<void> {
    await field.selectOption({ label: option });
    this.expected.push({ kind: "select", label, value: option });
  }

  async check(box: Locator, label: string): Promise<void> {
    await box.click();
    this.expected.push({ kind: "check", label, value: String(await box.isChecked()) });
  }

  async pickFile(field: Locator, label: string, file: { name: string; mimeType: string; buffer: Buffer }): Promise<void> {
    await field.setInputFiles(file);
    this.expected.push({ kind: "file_pick", label, value: `${file.name} (${file.buffer.length}, ${file.mimeType})` });
  }
}
