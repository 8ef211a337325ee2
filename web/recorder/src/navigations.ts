/**
 * Forms, links and addresses: they leave the page without a header, so they are declared first.
 *
 * Where the browser has the Navigation API, its `navigate` event sees every departure of this window, whoever began
 * it, at the moment it begins. Forms and links that open elsewhere, and browsers without it, are seen at their events.
 */
import { listen, natives, quietly, wrap } from "./natives";
import type { Requests } from "./requests";
import type { Steps } from "./steps";
import { value } from "./values";

interface NavigateEvent extends Event {
  readonly formData: FormData | null;
  readonly downloadRequest: string | null;
  readonly hashChange: boolean;
  readonly destination: { readonly url: string; readonly sameDocument: boolean };
}

const navigation = (window as { navigation?: EventTarget }).navigation;

/** Whether something opens in this window. */
const here = (target: string | null | undefined): boolean => !target || /^_(self|top|parent)$/.test(target) && (target === "_self" || window.top === window);

const formIntent = (requests: Requests, form: HTMLFormElement, submitter: HTMLElement | null): void => {
  const say = (name: string): string | null => submitter?.getAttribute(`form${name}`) ?? form.getAttribute(name);
  const method = (say("method") ?? "get").toUpperCase();
  if (navigation && here(say("target"))) return;
  if (method === "DIALOG") return;
  const url = new URL(say("action") || location.href, document.baseURI);
  if (method === "GET") {
    const fields = new URLSearchParams();
    for (const [name, field] of new FormData(form, submitter)) fields.append(name, typeof field === "string" ? field : field.name);
    url.search = fields.toString();
  }
  requests.intent(method, url, "form");
};

export const watchNavigations = (requests: Requests, steps: Steps): void => {
  const { transport } = requests;

  navigation?.addEventListener("navigate", (event) =>
    quietly(() => {
      const { formData, downloadRequest, hashChange, destination } = event as NavigateEvent;
      if (hashChange || destination.sameDocument) return;
      if (transport.locked && formData) return event.preventDefault();
      const download = downloadRequest !== null && downloadRequest !== undefined;
      transport.leaving = !download;
      requests.intent(formData ? "POST" : "GET", destination.url, download ? "download" : formData ? "form" : "navigate");
      return undefined;
    }),
  );

  window.addEventListener(
    "submit",
    (event) => {
      const form = event.target as HTMLFormElement;
      if (transport.locked) {
        event.preventDefault();
        event.stopImmediatePropagation();
        return;
      }
      // The page may still keep it for itself; after the event it has said so, and the request has not been answered.
      natives.setTimeout(() => {
        if (!event.defaultPrevented) quietly(() => formIntent(requests, form, event.submitter));
      }, 0);
    },
    true,
  );

  wrap(HTMLFormElement.prototype, "submit", (native, self, args) => {
    if (transport.locked) return undefined;
    quietly(() => {
      const form = self as HTMLFormElement;
      steps.flush();
      steps.add("submit", form, null, new Event("x"));
      formIntent(requests, form, null);
    });
    return native(...args);
  });

  listen("click", (event) => {
    const link = (event.composedPath().find((one) => one instanceof HTMLAnchorElement) ?? null) as HTMLAnchorElement | null;
    const { ctrlKey, metaKey, shiftKey } = event as MouseEvent;
    if (!link?.href || event.defaultPrevented) return;
    if (!here(link.target) || ctrlKey || metaKey || shiftKey) requests.intent("GET", link.href, "navigate");
    else if (!navigation && link.hasAttribute("download")) requests.intent("GET", link.href, "download");
  });

  wrap(window, "open", (native, _self, args) => {
    quietly(() => {
      const url = args[0] ? new URL(String(args[0]), document.baseURI) : null;
      steps.flush();
      steps.note("window_open", String(args[1] ?? ""), value(null, url?.href ?? "", "text"));
      if (url) requests.intent("GET", url, "navigate");
    });
    return native(...args);
  });
};
