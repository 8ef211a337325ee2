/**
 * The recording of the DOM: rrweb, wrapped.
 *
 * rrweb lets a page hide parts of itself by class names; here those names are random in every load. Its faults never
 * reach the page, and a mutation too large to be worth telling is replaced by one new snapshot.
 */
import { record } from "@rrweb/record";
type RrwebEvent = Parameters<NonNullable<NonNullable<Parameters<typeof record>[0]>["emit"]>>[0];
import { listen, natives, quietly, randomName } from "./natives";
import { isMasked, mask } from "./secrets";

/** Nodes added at once beyond which a new snapshot is cheaper than the list of changes. */
const MOST_ADDED_NODES = 5000;
/** A snapshot now and then, so that a replay can begin there. */
const CHECKOUT_MS = 5 * 60_000;
const MOUSE_MS = 50;
const SCROLL_MS = 150;

const FULL_SNAPSHOT = 2;

/**
 * Frames with an address of their own are documents of their own: the gateway puts the recorder into them as well.
 * Those without (`srcdoc`, `about:blank`, `javascript:`, `blob:`) are recorded from here.
 */
const FRAMES_OF_THEIR_OWN = ["iframe", "frame"]
  .map((tag) => `${tag}[src]:not([src=""],[src^="about:"],[src^="javascript:"],[src^="blob:"],[srcdoc])`)
  .join();

interface Guarded {
  guard?: (mutations: MutationRecord[]) => boolean;
}

/** The class of the recorder's own elements. */
export const ownClass = randomName();

const sizeOf = (nodes: NodeList): number => {
  let count = 0;
  for (const node of nodes) {
    count += 1;
    if (node instanceof Element) count += node.getElementsByTagName("*").length;
    if (count > MOST_ADDED_NODES) break;
  }
  return count;
};

export class Snapshots {
  readonly #emit: (event: RrwebEvent, full: boolean) => void;
  readonly #degraded: (what: string) => void;
  #stop: (() => void) | undefined;
  #due = false;

  constructor(emit: (event: RrwebEvent, full: boolean) => void, degraded: (what: string) => void) {
    this.#emit = emit;
    this.#degraded = degraded;
  }

  start(): void {
    (record as Guarded).guard = (mutations) => this.#tooMany(mutations);
    this.#stop = record({
      emit: (event) => quietly(() => this.#emit(event, event.type === FULL_SNAPSHOT)),
      blockClass: ownClass,
      ignoreClass: randomName(),
      maskTextClass: randomName(),
      blockSelector: FRAMES_OF_THEIR_OWN,
      maskInputOptions: { input: true, textarea: true } as object,
      maskInputFn: (text, element) => (isMasked(element) ? mask(text) : text),
      inlineStylesheet: true,
      recordCanvas: false,
      collectFonts: false,
      recordAfter: "DOMContentLoaded",
      slimDOMOptions: { script: true, comment: true },
      sampling: { mousemove: MOUSE_MS, scroll: SCROLL_MS },
      checkoutEveryNms: CHECKOUT_MS,
      // A DOMException may be the page's own, thrown through one of rrweb's wrappers: it belongs to the page.
      errorHandler: (error: unknown) => !(error instanceof DOMException),
    });
    if (!this.#stop) this.#degraded("dom_recording_failed");
    // Pictures, fonts and late style sheets have come: once more as it really looks.
    if (document.readyState !== "complete") listen("load", (event) => event.target === document && this.take());
  }

  /** Begins anew, after the page has replaced its whole document. */
  restart(): void {
    quietly(() => this.#stop?.());
    this.start();
  }

  /** Takes a full snapshot soon; several askers get one. */
  take(): void {
    if (this.#due) return;
    this.#due = true;
    natives.setTimeout(() => {
      this.#due = false;
      quietly(() => record.takeFullSnapshot(true));
    }, 0);
  }

  nodeOf(element: Element): number | null {
    const id = record.mirror.getId(element);
    return id > 0 ? id : null;
  }

  #tooMany(mutations: MutationRecord[]): boolean {
    // What happens while a snapshot is due is in that snapshot.
    if (this.#due) return true;
    let added = 0;
    for (const mutation of mutations) {
      added += sizeOf(mutation.addedNodes);
      if (added > MOST_ADDED_NODES) {
        this.take();
        return true;
      }
    }
    return false;
  }
}
