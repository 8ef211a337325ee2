/**
 * Where a step happened: on which form and on which record.
 */
import { adapter, firstText } from "./adapter";
import { nameOf, tidy } from "./names";

/** The parent, through shadow roots. */
const above = (element: Element): Element | null => {
  if (element.parentElement) return element.parentElement;
  const root = element.getRootNode();
  return root instanceof ShadowRoot ? root.host : null;
};

const shown = (element: Element): string =>
  element.getClientRects().length > 0 ? tidy((element as HTMLElement).innerText) : "";

/** The last heading that begins before the element. */
const headingBefore = (element: Element): string | null => {
  let last: string | null = null;
  for (const heading of document.querySelectorAll("h1,h2,h3,h4,h5,h6,[role=heading],legend,caption")) {
    if (!(heading.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING)) break;
    last = shown(heading) || last;
  }
  return last;
};

export const formContext = (element: Element): string | null => {
  const forms = adapter().forms.join();
  for (let at: Element | null = element; at; at = above(at)) {
    if (at !== element && at.matches(forms)) {
      const name =
        nameOf(at) || (at.localName === "fieldset" ? tidy(at.querySelector("legend")?.textContent) : "");
      if (name) return name;
    }
  }
  return headingBefore(element);
};

const rowHeader = (element: Element): string | null => {
  const row = element.closest("tr,[role=row]");
  if (!row || row.querySelector("th[scope=col],[role=columnheader]")) return null;
  const table = row.closest("table,[role=grid],[role=treegrid],[role=table]");
  // A table of one row is a layout, not a list.
  if (!table || table.querySelectorAll("tr,[role=row]").length < 2) return null;
  if (row.closest("thead")) return null;
  const header = row.querySelector("th,[role=rowheader]");
  if (header) return tidy(header.textContent) || null;
  if (!table.querySelector("thead,[role=columnheader],th")) return null;
  return [...row.querySelectorAll("td,[role=gridcell],[role=cell]")].map((cell) => tidy(cell.textContent)).find(Boolean) ?? null;
};

export const recordContext = (element: Element): string | null =>
  rowHeader(element) ?? firstText(adapter().records, shown) ?? (tidy(document.title) || null);
