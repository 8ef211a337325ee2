/**
 * What a person would call the thing they clicked: its accessible name and role, and how somebody else finds it again.
 * Asked at the moment of the action, before the application reacts and the element is gone.
 */
import { finder } from "@medv/finder";
import { computeAccessibleName, getRole } from "dom-accessibility-api";
import { adapter } from "./adapter";
import { quietly } from "./natives";

const LONGEST_NAME = 120;
const MOST_SELECTORS = 4;
/** A selector is worth this much of a person's click, no more. */
const FINDER_MS = 8;
const LIFTED =
  "a[href],button,input,select,textarea,summary,option,area,label,[contenteditable=''],[contenteditable=true],[role=button],[role=link],[role=checkbox],[role=radio],[role=switch],[role=option],[role=tab],[role=menuitem],[role=menuitemcheckbox],[role=menuitemradio],[role=treeitem],[role=combobox],[role=textbox],[role=gridcell]";

export interface Described {
  readonly label: string;
  readonly role: string;
  readonly control: string;
  readonly selectors: string[];
}

export const tidy = (text: string | null | undefined): string => {
  const flat = (text ?? "").replace(/\s+/g, " ").trim();
  return flat.length > LONGEST_NAME ? `${flat.slice(0, LONGEST_NAME - 1)}…` : flat;
};

/** The real target, also inside open shadow roots. */
export const targetOf = (event: Event): Element | null => {
  const first = event.composedPath()[0] ?? event.target;
  if (first instanceof Element) return first;
  return first instanceof Node ? first.parentElement : null;
};

/** From the icon inside to the button that a person means. */
export const lift = (element: Element): Element => element.closest(LIFTED) ?? element;

const FIELDS = "input,select,textarea,button";

/** The text of what stands before a field in its row: many business forms name their fields only so. */
const textBefore = (element: Element): string => {
  let at: Element | null = element;
  for (let up = 0; at && up < 3; up++) {
    for (let before = at.previousElementSibling; before; before = before.previousElementSibling) {
      if (before.matches(FIELDS) || before.querySelector(FIELDS) || (before instanceof HTMLLabelElement && before.control)) break;
      const text = tidy(before.textContent);
      if (text) return text.replace(/\s*[:*]+$/, "");
    }
    at = at.parentElement;
    if (!at || /^(form|body|table|tbody|fieldset)$/.test(at.localName)) break;
  }
  return "";
};

export const nameOf = (element: Element): string => {
  const name = tidy(quietly(() => computeAccessibleName(element)));
  if (!name) return tidy(element.getAttribute("placeholder"));
  // A line break inside separates words for a person.
  return element.querySelector("br") && !element.hasAttribute("aria-label") && tidy(element.textContent) === name
    ? tidy((element as HTMLElement).innerText) || name
    : name;
};

export const roleOf = (element: Element): string => quietly(() => getRole(element)) ?? "";

const isField = (element: Element): boolean =>
  /^(input|select|textarea)$/.test(element.localName) || (element as HTMLElement).isContentEditable;

export const labelOf = (element: Element): string => {
  for (const [selector, attribute] of adapter().labels) {
    if (quietly(() => element.matches(selector))) return tidy(element.getAttribute(attribute));
  }
  const name = nameOf(element);
  if (name) return name;
  if (isField(element)) return textBefore(element) || tidy(element.getAttribute("name"));
  const shown = tidy((element as HTMLElement).innerText ?? element.textContent);
  if (shown) return shown;
  const picture = element.querySelector("img[alt],[title],[aria-label]");
  return tidy(
    element.getAttribute("title") ??
      picture?.getAttribute("alt") ??
      picture?.getAttribute("aria-label") ??
      picture?.getAttribute("title") ??
      element.id,
  );
};

const cssOf = (element: Element): string => {
  const root = element.getRootNode();
  const inside = root instanceof ShadowRoot;
  const scope = (inside ? root : document) as ParentNode;
  const lasting = (name: string): boolean => !/\d{4,}|[0-9a-f]{8}-|:/i.test(name);
  const byId = element.id && lasting(element.id) ? `#${CSS.escape(element.id)}` : "";
  const found =
    byId && scope.querySelectorAll(byId).length === 1
      ? byId
      : finder(element, {
          root: (inside ? root : document.documentElement) as Element,
          timeoutMs: FINDER_MS,
          idName: lasting,
        });
  return inside ? `${cssOf(root.host)} >> ${found}` : found;
};

/** Up to four ways to the element, the most lasting first. */
const selectorsOf = (element: Element, role: string, name: string): string[] => {
  const found: string[] = [];
  const add = (prefix: string, value: string | null | undefined): void => {
    if (value && found.length < MOST_SELECTORS) found.push(`${prefix}=${value}`);
  };
  const get = (attribute: string): string | null => element.getAttribute(attribute);
  add("testid", get("data-testid") ?? get("data-test-id") ?? get("data-test"));
  if (role && name && !name.endsWith("…")) add("role", `${role}[name=${JSON.stringify(name)}]`);
  add("placeholder", get("placeholder"));
  if (isField(element)) add("label", tidy((element as HTMLInputElement).labels?.[0]?.textContent));
  add("alt", get("alt"));
  if (found.length === 0) add("text", tidy(element.textContent));
  add("title", get("title"));
  // The last place is the CSS path's: it works where names change with the language.
  const css = quietly(() => cssOf(element));
  if (css) {
    if (found.length === MOST_SELECTORS) found.pop();
    add("css", css);
  }
  const field = get("name");
  if (field && isField(element)) add("css", `${element.localName}[name=${JSON.stringify(field)}]`);
  return [...new Set(found)];
};

export const describe = (element: Element): Described => {
  const role = roleOf(element);
  const input = element.localName === "input";
  return {
    label: labelOf(element),
    role,
    control: input ? `input/${(element as HTMLInputElement).type}` : element.localName,
    selectors: quietly(() => selectorsOf(element, role, nameOf(element))) ?? [],
  };
};
