/**
 * What never leaves the browser: passwords, one-time codes, card fields. A text that was once typed as a secret is
 * remembered for the life of the document, and replaced wherever else it appears (a *show password* mirror, say).
 * No class or attribute invented for hiding counts here; only what makes a field a secret field for the browser too,
 * its name, and what an adapter says.
 */
import { adapter } from "./adapter";
import { listen, natives, quietly } from "./natives";

/** Shorter texts are too likely to occur by chance. */
const SHORTEST_REPLACED = 4;
/** While a secret is typed, every stage of it is one; the oldest go first. */
const MOST_REMEMBERED = 300;
const LONGEST_REMEMBERED = 500;

const SECRET_WORDS =
  /(^|[^a-z])(passwor[dt]|passwd|pwd|passphrase|passcode|kennwort|passwort|otp|totp|pin|cvv2?|cvc2?|csc|secret|api ?key|token)([^a-z]|$)/;
const SECRET_AUTOCOMPLETE = /(^|\s)(one-time-code|cc-\S+|current-password|new-password)(\s|$)/;

const sticky = new WeakSet<Element>();
let known: string[] = [];

/** `userPassword_2` becomes `user password 2`, so that words are found whole and *pinned* is not a PIN. */
const words = (name: string | null): string =>
  (name ?? "")
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/[^A-Za-z]+/g, " ")
    .toLowerCase();

export const namesSecret = (...names: (string | null)[]): boolean => names.some((name) => SECRET_WORDS.test(words(name)));

/** A secret that somebody types. */
export const isSecret = (element: Element | null): boolean => {
  if (!element) return false;
  if (sticky.has(element)) return true;
  const get = (name: string): string | null => element.getAttribute(name);
  const tag = element.localName;
  const field = tag === "input" || tag === "textarea";
  const found =
    (field &&
      ((element as HTMLInputElement).type === "password" ||
        SECRET_AUTOCOMPLETE.test((get("autocomplete") ?? "").toLowerCase()) ||
        (!/^(checkbox|radio|submit|button|reset|image)$/.test((element as HTMLInputElement).type) &&
          namesSecret(get("name"), get("id"), get("aria-label"), get("placeholder"))))) ||
    adapter().secrets.some((selector) => quietly(() => element.matches(selector)));
  if (found) sticky.add(element);
  return found;
};

/** What the DOM recording must not show: secrets, and hidden fields, which hold tokens more often than data. */
export const isMasked = (element: Element): boolean =>
  (element as HTMLInputElement).type === "hidden" || isSecret(element);

export const mask = (text: string): string => "•".repeat(text.length);

export const rememberSecret = (text: string): void => {
  if (text.length < SHORTEST_REPLACED || text.length > LONGEST_REMEMBERED || known.includes(text)) return;
  known = [...known, text].slice(-MOST_REMEMBERED).sort((a, b) => b.length - a.length);
};

/** Whether the JSON of an entry may hold a secret: a cheap question before the walk. */
export const mayHoldSecret = (json: string): boolean =>
  known.some((secret) => json.includes(natives.stringify(secret).slice(1, -1)));

export const withoutSecrets = (text: string): string =>
  known.reduce((left, secret) => (left.includes(secret) ? left.replaceAll(secret, mask(secret)) : left), text);

/** A field that once was a password stays one, also when *show password* makes it a text field. */
export const watchPasswords = (root: Node): void => {
  new natives.MutationObserver((records) => {
    for (const record of records) {
      if (record.oldValue === "password" && record.target instanceof Element) sticky.add(record.target);
    }
  }).observe(root, { subtree: true, attributes: true, attributeFilter: ["type"], attributeOldValue: true });
};

export const startSecrets = (): void => {
  watchPasswords(document);
  listen("input", (event) => {
    const element = event.composedPath()[0] as HTMLInputElement;
    if (isSecret(element)) rememberSecret(element.value);
  });
};
