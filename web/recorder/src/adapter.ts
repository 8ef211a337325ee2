/**
 * What is special to an application, as data: where its form, its record and its labels stand, and which of its fields
 * are secret. The generic adapter knows the habits of the web; one for an application is laid over it.
 */
import { quietly } from "./natives";

export interface Adapter {
  /** Matched against host and path. */
  readonly match: RegExp;
  /** Selectors of ancestors whose accessible name is the form's name. */
  readonly forms: readonly string[];
  /** Selectors of elements whose text names the record, best first. */
  readonly records: readonly string[];
  /** `[selector of a control, attribute that names it]`. */
  readonly labels: readonly (readonly [string, string])[];
  /** Selectors of fields that are secret. */
  readonly secrets: readonly string[];
}

const GENERIC: Adapter = {
  match: /./,
  forms: ["form", "dialog", "fieldset", "[role=form]", "[role=dialog]", "[role=alertdialog]", "[role=region]", "[role=tabpanel]", "[role=group]", "section"],
  records: ["[data-record-name]", "main h1", "[role=main] h1", "h1", "[aria-label=breadcrumb] [aria-current]", ".breadcrumb li:last-child"],
  labels: [],
  secrets: [],
};

const APPLICATIONS: readonly Partial<Adapter>[] = [
  {
    // Tryton's web client.
    match: /^[^/]+\/.*#.*(model|tree|action)|\/sao\b/,
    forms: [".tabcontent.active", ".modal-dialog"],
    records: [".tab-pane.active .title", ".nav-tabs .active a"],
  },
];

const join = <T>(first: readonly T[] | undefined, then: readonly T[]): readonly T[] => [...(first ?? []), ...then];

let chosen: Adapter | null = null;

export const adapter = (): Adapter => {
  if (chosen) return chosen;
  const here = location.host + location.pathname + location.hash;
  const own = APPLICATIONS.find((one) => one.match?.test(here));
  chosen = {
    match: own?.match ?? GENERIC.match,
    forms: join(own?.forms, GENERIC.forms),
    records: join(own?.records, GENERIC.records),
    labels: join(own?.labels, GENERIC.labels),
    secrets: join(own?.secrets, GENERIC.secrets),
  };
  return chosen;
};

/** The first element for one of `selectors` that says something. */
export const firstText = (selectors: readonly string[], text: (element: Element) => string): string | null => {
  for (const selector of selectors) {
    for (const element of quietly(() => document.querySelectorAll(selector)) ?? []) {
      const found = text(element);
      if (found) return found;
    }
  }
  return null;
};
