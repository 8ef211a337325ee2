/**
 * The value of a step: what stood there before and what stands there now, with its type; or, for a secret, only how
 * long it is.
 */
import { tidy } from "./names";
import { isSecret, rememberSecret } from "./secrets";

/** Characters of a value that a step keeps. */
const LONGEST_VALUE = 4000;

export type ValueType = "text" | "number" | "date" | "bool" | "choice" | "file" | "secret";

export interface Value {
  readonly old: string | null;
  readonly new: string | null;
  readonly type: ValueType;
  readonly masked: boolean;
  readonly length: number;
  readonly code?: string;
}

const cut = (text: string | null): string | null => text && text.slice(0, LONGEST_VALUE);

export const value = (old: string | null, now: string | null, type: ValueType, code?: string): Value => ({
  old: cut(old),
  new: cut(now),
  type,
  masked: false,
  length: now?.length ?? 0,
  ...(code !== undefined && code !== now ? { code } : {}),
});

export const secretValue = (now: string): Value => {
  rememberSecret(now);
  return { old: null, new: null, type: "secret", masked: true, length: now.length };
};

/** A value of a field, masked when the field is secret. */
export const fieldValue = (field: Element | null, old: string | null, now: string, type: ValueType): Value =>
  isSecret(field) ? secretValue(now) : value(old, now, type);

const TYPES: Partial<Record<string, ValueType>> = {
  number: "number",
  range: "number",
  date: "date",
  month: "date",
  week: "date",
  time: "date",
  "datetime-local": "date",
  password: "secret",
};

export const typeOf = (field: Element): ValueType =>
  (field.localName === "input" && TYPES[(field as HTMLInputElement).type]) || "text";

/** What a person reads in a list of choices. */
export const chosen = (select: HTMLSelectElement): string =>
  [...select.selectedOptions].map((option) => tidy(option.label || option.text)).join(", ");

export const textOf = (field: Element): string => {
  if (field instanceof HTMLSelectElement) return chosen(field);
  if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) return field.value;
  return (field as HTMLElement).innerText ?? "";
};

/** The field that somebody types into, or null where it is none. */
export const typedField = (element: Element | null): HTMLElement | null => {
  if (!element) return null;
  if (element.localName === "textarea") return element as HTMLElement;
  if (element.localName === "input") {
    const other = /^(checkbox|radio|file|submit|button|reset|image|hidden)$/.test((element as HTMLInputElement).type);
    return other ? null : (element as HTMLElement);
  }
  let editable: HTMLElement | null = (element as HTMLElement).isContentEditable ? (element as HTMLElement) : null;
  while (editable?.parentElement?.isContentEditable) editable = editable.parentElement;
  return editable;
};
