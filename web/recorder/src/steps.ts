/**
 * Steps: one user action each, seen before the application reacts to it.
 *
 * Typing is merged: a field is remembered when it is entered, described at the first key, and becomes one `change` when
 * it is left, on Enter, and before whatever else the user does.
 */
import { formContext, recordContext } from "./context";
import { describe, type Described, labelOf, lift, roleOf, targetOf, tidy } from "./names";
import { listen, natives, quietly, wrap } from "./natives";
import { isSecret, namesSecret } from "./secrets";
import { chosen, fieldValue, secretValue, textOf, typedField, typeOf, type Value, value } from "./values";

export type StepKind =
  | "click" | "double_click" | "change" | "select" | "check" | "submit" | "key" | "navigate" | "paste" | "copy" | "drag"
  | "file_pick" | "download" | "print" | "dialog" | "window_open" | "tab_show" | "tab_hide" | "page";

export interface Step extends Described {
  readonly seq: number;
  readonly t: number;
  readonly tm: number;
  readonly kind: StepKind;
  readonly value: Value | null;
  readonly form_context: string | null;
  readonly record_context: string | null;
  readonly page: { readonly url: string; readonly title: string };
  readonly point: [number, number] | null;
  readonly trusted: boolean;
  readonly node: number | null;
}

export interface Outside {
  /** Takes a finished step. */
  emit(step: Step): void;
  sinceStart(): number;
  /** The number of a node in the DOM recording. */
  nodeOf(element: Element): number | null;
  /** Whether an element is the recorder's own. */
  own(element: Element): boolean;
}

interface Place extends Described {
  readonly form_context: string | null;
  readonly record_context: string | null;
  readonly node: number | null;
}

interface Typing {
  readonly field: HTMLElement;
  readonly old: string;
  readonly place: Place;
  readonly trusted: boolean;
}

const ON_A_RADIO = "input[type=radio]";
const CHECKS = /^(checkbox|switch|menuitemcheckbox)$/;
const CHOICES = /^(radio|option|menuitemradio)$/;
/** A step explains what the page does this long after it. */
const EXPLAINS_MS = 5000;

export class Steps {
  readonly #outside: Outside;
  #count = 0;
  #last = -Infinity;
  #typing: Typing | null = null;
  #focused: HTMLElement | null = null;
  #dragged: string | null = null;
  #asked = new WeakMap<Element, string>();
  /** Fields that were filled by a choice from their list: what stands there now is said already. */
  #filled = new WeakSet<Element>();
  #address = location.href;
  #leaving = false;

  constructor(outside: Outside) {
    this.#outside = outside;
  }

  /** The step that explains what the page does now. */
  lastSeq(): number | null {
    return this.#count > 0 && this.#outside.sinceStart() - this.#last < EXPLAINS_MS ? this.#count - 1 : null;
  }

  add(kind: StepKind, element: Element | null, what: Value | null, event?: Event | null, place = this.#place(element)): void {
    const mouse = event instanceof MouseEvent && (event.clientX || event.clientY) ? event : null;
    this.#last = this.#outside.sinceStart();
    this.#outside.emit({
      seq: this.#count++,
      t: natives.clock(),
      tm: Math.round(this.#last * 10) / 10,
      kind,
      ...place,
      value: what,
      page: { url: location.href, title: document.title },
      point: mouse && [Math.round(mouse.clientX), Math.round(mouse.clientY)],
      trusted: event ? event.isTrusted : true,
    });
  }

  /** A step without an element: `label` says what it was about. */
  note(kind: StepKind, label: string, what: Value | null = null, trusted = true): void {
    const place = { ...this.#place(null), label: tidy(label) };
    this.add(kind, null, what, trusted ? null : new Event("x"), place);
  }

  /** Ends the typing under way, and says what came of it. */
  flush(): void {
    const typing = this.#typing;
    if (!typing) return;
    this.#typing = null;
    const now = textOf(typing.field);
    this.#asked.set(typing.field, now);
    if (now === typing.old) return;
    const what = fieldValue(typing.field, typing.old, now, typeOf(typing.field));
    this.add("change", typing.field, what, typing.trusted ? null : new Event("x"), typing.place);
  }

  #place(element: Element | null): Place {
    if (!element) {
      return {
        label: "", role: "", control: "", selectors: [], form_context: null, node: null,
        record_context: quietly(() => recordContext(document.documentElement)) ?? null,
      };
    }
    return {
      ...describe(element),
      form_context: quietly(() => formContext(element)) ?? null,
      record_context: quietly(() => recordContext(element)) ?? null,
      node: this.#outside.nodeOf(element),
    };
  }

  /** Begins to listen; again after `document.open` has taken the listeners away. */
  listen(): void {
    const on = (type: string, handle: (target: Element, event: Event) => void): void =>
      listen(type, (event) => {
        const target = targetOf(event);
        if (target && !this.#outside.own(target)) handle(target, event);
      });
    on("focusin", (target) => {
      this.#focused = typedField(target);
      this.#enter(target);
    });
    on("pointerdown", (target) => this.#press(target));
    on("mousedown", (target) => this.#press(target));
    on("beforeinput", (target) => this.#enter(target));
    on("input", (target, event) => this.#input(target, event));
    on("change", (target, event) => this.#change(target, event));
    on("focusout", (target) => {
      this.#focused = null;
      if (typedField(target) === this.#typing?.field) this.flush();
    });
    on("click", (target, event) => this.#click(target, event));
    on("auxclick", (target, event) => (event as MouseEvent).button === 1 && this.#click(target, event));
    on("dblclick", (target, event) => this.add("double_click", lift(target), null, event));
    on("keydown", (target, event) => this.#key(target, event as KeyboardEvent));
    on("submit", (target, event) => this.#submit(target as HTMLFormElement, event as SubmitEvent));
    on("copy", (target, event) => this.#clip("copy", target, event));
    on("cut", (target, event) => this.#clip("copy", target, event));
    on("paste", (target, event) => this.#clip("paste", target, event));
    on("dragstart", (target) => (this.#dragged = labelOf(lift(target))));
    on("drop", (target, event) => this.#drop(target, event as DragEvent));
    listen("popstate", () => this.moved());
    listen("hashchange", () => this.moved());
    listen("beforeprint", () => this.note("print", document.title));
    listen("pagehide", () => (this.#leaving = true));
    listen("pageshow", () => (this.#leaving = false));
    listen("visibilitychange", () => {
      if (document.visibilityState !== "hidden") return this.note("tab_show", document.title);
      this.flush();
      // A page that is left is hidden too, just before or just after; only one that stays went to the background.
      natives.setTimeout(() => quietly(() => this.#leaving || document.visibilityState !== "hidden" || this.note("tab_hide", document.title)));
    });
  }

  /** Goes around the functions of the page that are actions themselves. */
  wrapFunctions(): void {
    for (const name of ["alert", "confirm", "prompt"]) {
      wrap(window, name, (native, _self, args) => {
        quietly(() => this.flush());
        const answer = native(...args);
        quietly(() => {
          const question = String(args[0] ?? "");
          const what =
            typeof answer === "boolean" ? value(null, String(answer), "bool")
            : typeof answer === "string" ? (namesSecret(question) ? secretValue(answer) : value(args[1] === undefined ? null : String(args[1]), answer, "text"))
            : null;
          this.note("dialog", question, what);
        });
        return answer;
      });
    }
    for (const name of ["pushState", "replaceState"]) {
      wrap(History.prototype, name, (native, _self, args) => {
        const done = native(...args);
        quietly(() => this.moved());
        return done;
      });
    }
  }

  /** The address may have changed without a new document. */
  moved(): void {
    const before = this.#address;
    if (location.href === before) return;
    this.#address = location.href;
    this.flush();
    this.note("navigate", document.title, value(before, location.href, "text"));
  }

  #enter(target: Element): void {
    const field = target.localName === "select" ? target : typedField(target);
    if (field && this.#typing?.field !== field) this.#asked.set(field, textOf(field));
  }

  #press(target: Element): void {
    if (this.#typing && typedField(target) !== this.#typing.field) this.flush();
    this.#enter(target);
    this.#rememberRadio(target);
  }

  /** Which one of a group was chosen is known only before the click. */
  #rememberRadio(target: Element): void {
    const radio = target.matches(ON_A_RADIO) ? target : target.closest("label")?.control;
    if (!(radio instanceof HTMLInputElement) || radio.type !== "radio") return;
    const before = this.#group(radio).find((one) => one.checked);
    for (const one of this.#group(radio)) this.#asked.set(one, before ? labelOf(before) : "");
  }

  #group(radio: HTMLInputElement): HTMLInputElement[] {
    const root = radio.form ?? (radio.getRootNode() as ParentNode);
    return [...root.querySelectorAll<HTMLInputElement>(ON_A_RADIO)].filter((one) => one.name === radio.name);
  }

  #input(target: Element, event: Event): void {
    const field = typedField(target);
    if (!field || this.#typing?.field === field) return;
    this.flush();
    this.#filled.delete(field);
    const old = this.#asked.get(field) ?? (field as HTMLInputElement).defaultValue ?? "";
    this.#typing = { field, old, place: this.#place(field), trusted: event.isTrusted };
  }

  #change(target: Element, event: Event): void {
    if (target instanceof HTMLSelectElement) {
      const now = chosen(target);
      const old = this.#asked.get(target) ?? null;
      this.#asked.set(target, now);
      if (old !== now) {
        const code = target.multiple ? undefined : target.value;
        this.add("select", target, isSecret(target) ? secretValue(now) : value(old, now, "choice", code), event);
      }
    } else if (target instanceof HTMLInputElement && target.type === "file") {
      const files = [...(target.files ?? [])].map((file) => `${file.name} (${file.size}, ${file.type})`);
      this.add("file_pick", target, value(null, files.join("\n"), "file"), event);
    } else if (target instanceof HTMLInputElement && /^(checkbox|radio)$/.test(target.type)) {
      // Told at the click already; a change without one was made by a script or by an arrow key.
      if (this.#asked.get(target) !== `told:${target.checked}`) this.#toggle(target, event);
      this.#asked.delete(target);
    } else if (typedField(target)) {
      const field = typedField(target) as HTMLElement;
      if (!this.#typing && this.#filled.has(field)) return;
      const old = this.#asked.get(field);
      if (!this.#typing && old !== undefined && old !== textOf(field)) this.#input(field, event);
      if (this.#typing?.field !== field) return;
      // A date changes with each key as soon as it is complete; what it became is known when the field is left. (Going
      // from one part of it to the next leaves nothing, but the document has no active element for that moment.)
      if (typeOf(field) === "date" && this.#focused === field) return;
      this.flush();
    }
  }

  #toggle(box: HTMLInputElement, event: Event): void {
    if (box.type === "radio") {
      const old = this.#asked.get(box);
      if (box.checked) this.add("select", box, value(old?.startsWith("told:") ? null : old || null, labelOf(box), "choice", box.value), event);
    } else {
      this.add("check", box, value(String(!box.checked), String(box.checked), "bool"), event);
    }
  }

  #click(target: Element, event: Event): void {
    if (this.#typing && typedField(target) !== this.#typing.field) this.flush();
    const element = lift(target);
    if (element instanceof HTMLInputElement && /^(checkbox|radio)$/.test(element.type)) {
      this.#toggle(element, event);
      this.#asked.set(element, `told:${element.checked}`);
      return;
    }
    const control = element instanceof HTMLLabelElement ? element.control : null;
    // These speak for themselves a moment later: a label clicks its box, a list and a file field change.
    if (control && (control.localName === "select" || /^(checkbox|radio|file)$/.test((control as HTMLInputElement).type))) return;
    if (/^(select|option)$/.test(element.localName)) return;
    const role = element.getAttribute("role") ? roleOf(element) : "";
    if (CHECKS.test(role)) {
      const on = element.getAttribute("aria-checked") === "true";
      this.add("check", element, value(String(on), String(!on), "bool"), event);
    } else if (CHOICES.test(role)) {
      this.#choose(element, event);
    } else {
      this.add("click", element, null, event);
    }
    const link = target.closest<HTMLAnchorElement>("a[download]");
    if (link?.href) this.add("download", link, value(null, link.download || link.href, "text"), event);
  }

  /** An entry of a list that is not a `select`: the step is about the field that the list belongs to. */
  #choose(option: Element, event: Event): void {
    const list = option.closest("[role=listbox],[role=radiogroup],[role=menu]");
    const owner = list?.id ? document.querySelector(`[aria-controls~="${CSS.escape(list.id)}"],[aria-owns~="${CSS.escape(list.id)}"]`) : null;
    const before = list?.querySelector("[aria-selected=true],[aria-checked=true]");
    if (owner) this.#filled.add(owner);
    this.add("select", owner ?? option, value(before ? labelOf(before) : null, labelOf(option), "choice"), event);
  }

  #key(target: Element, event: KeyboardEvent): void {
    this.#enter(target);
    this.#rememberRadio(target);
    const { key } = event;
    if (event.isComposing || event.repeat) return;
    const held = (event.ctrlKey ? "Control+" : "") + (event.metaKey ? "Meta+" : "") + (event.altKey ? "Alt+" : "");
    const starts =
      key === "Enter" || key === "Escape" || /^F\d+$/.test(key) ||
      (held !== "" && !event.getModifierState("AltGraph") && key.length === 1 && !/^[acvxyz]$/i.test(key));
    if (!starts) return;
    const field = typedField(target);
    if (key === "Enter" && held === "") {
      // A new line is typing; on a button or a link the click says it.
      if (field && (field.localName === "textarea" || field.isContentEditable)) return;
      if (/^(button|a|summary|select)$/.test(target.localName)) return;
    }
    this.flush();
    this.add("key", field ?? lift(target), value(null, held + key, "text"), event);
  }

  #submit(form: HTMLFormElement, event: SubmitEvent): void {
    this.flush();
    if (event.submitter) this.add("submit", event.submitter, null, event);
    else this.add("submit", form, null, event);
  }

  #clip(kind: "copy" | "paste", target: Element, event: Event): void {
    const field = typedField(target);
    const text =
      kind === "paste" ? ((event as ClipboardEvent).clipboardData?.getData("text/plain") ?? "")
      : field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement
        ? field.value.slice(field.selectionStart ?? 0, field.selectionEnd ?? 0)
        : String(getSelection() ?? "");
    this.#enter(target);
    this.add(kind, field ?? target, fieldValue(field, null, text, "text"), event);
  }

  #drop(target: Element, event: DragEvent): void {
    const files = [...(event.dataTransfer?.files ?? [])].map((file) => `${file.name} (${file.size}, ${file.type})`);
    const element = lift(target);
    if (files.length > 0) this.add("file_pick", element, value(null, files.join("\n"), "file"), event);
    else this.add("drag", element, value(this.#dragged, labelOf(element), "text"), event);
    this.#dragged = null;
  }
}
