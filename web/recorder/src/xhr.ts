/**
 * XMLHttpRequest under the barrier. Asynchronous ones are held as fetch is; while one is held it behaves as one that
 * has been sent. Synchronous ones block the page anyway: the evidence is sent before them in the same way.
 */
import { natives, quietly, wrap } from "./natives";
import { HEADER, isSafe, REFUSAL, type Requests } from "./requests";

interface State {
  readonly method: string;
  readonly url: URL;
  readonly sync: boolean;
  cancel?: () => void;
}

const copyBody = (body: unknown): unknown => {
  if (body instanceof FormData) {
    const copy = new FormData();
    for (const [name, part] of body) {
      if (typeof part === "string") copy.append(name, part);
      else copy.append(name, part, part.name);
    }
    return copy;
  }
  if (body instanceof URLSearchParams) return new URLSearchParams(body);
  if (body instanceof ArrayBuffer) return body.slice(0);
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer.slice(body.byteOffset, body.byteOffset + body.byteLength) as ArrayBuffer);
  return body;
};

/** Ends a request here with the gateway's own refusal. */
const refuse = (xhr: XMLHttpRequest): void => {
  const answer: Record<string, unknown> = {
    readyState: 4, status: 428, statusText: "Precondition Required", responseText: REFUSAL,
    response: xhr.responseType === "json" ? JSON.parse(REFUSAL) : REFUSAL,
  };
  for (const name in answer) Object.defineProperty(xhr, name, { configurable: true, value: answer[name] });
  for (const type of ["readystatechange", "load", "loadend"]) xhr.dispatchEvent(new ProgressEvent(type));
};

export const wrapXhr = (requests: Requests): void => {
  const states = new WeakMap<object, State>();
  const prototype = natives.XMLHttpRequest.prototype;

  wrap(prototype, "open", (native, self, args) => {
    const xhr = self as XMLHttpRequest;
    quietly(() => {
      states.get(xhr)?.cancel?.();
      states.delete(xhr);
      for (const name of ["readyState", "status", "statusText", "responseText", "response"]) {
        Reflect.deleteProperty(xhr, name);
      }
    });
    const result = native(...args);
    quietly(() => {
      const url = new URL(String(args[1]), document.baseURI);
      const given = String(args[0]);
      // The browser writes these in capitals and leaves the others as they are.
      const method = /^(get|head|post|put|delete|options)$/i.test(given) ? given.toUpperCase() : given;
      const sync = args.length > 2 && !args[2];
      if (requests.ours(url)) states.set(xhr, { method, url, sync });
    });
    return result;
  });

  wrap(prototype, "setRequestHeader", (native, self, args) => {
    if (states.get(self as object)?.cancel) throw new DOMException("The object's state must be OPENED.", "InvalidStateError");
    return native(...args);
  });

  wrap(prototype, "abort", (native, self, args) => {
    const state = states.get(self as object);
    const held = state?.cancel;
    const result = native(...args);
    if (state && held) {
      held();
      delete state.cancel;
      for (const type of ["abort", "loadend"]) (self as XMLHttpRequest).dispatchEvent(new ProgressEvent(type));
    }
    return result;
  });

  wrap(prototype, "send", (native, self, args) => {
    const xhr = self as XMLHttpRequest;
    const state = states.get(xhr);
    if (!state) return native(...args);
    const { method, url } = state;
    const sign = (sequence: number): void => {
      quietly(() => natives.xhrHeader.call(xhr, HEADER, requests.token(sequence, method, url)));
    };
    if (isSafe(method)) {
      const sequence = requests.transport.sent();
      if (requests.own(url) && sequence >= 0) sign(sequence);
      return native(...args);
    }
    if (state.sync) {
      sign(quietly(() => requests.transport.handOverBlocking()) ?? 0);
      return native(...args);
    }
    if (state.cancel) throw new DOMException("The object's state must be OPENED.", "InvalidStateError");
    let held = false;
    let body = args;
    const cancel = requests.hold((sequence, done) => {
      delete state.cancel;
      if (requests.transport.locked) {
        done();
        natives.setTimeout(() => refuse(xhr), 0);
        return;
      }
      sign(sequence);
      // The answer has begun: the gateway holds nothing of it any more.
      const begun = (): void => {
        if (xhr.readyState >= 2 || xhr.readyState === 0) done();
      };
      xhr.addEventListener("readystatechange", begun);
      xhr.addEventListener("loadend", done, { once: true });
      held = true;
      native(...body);
    });
    if (!held && !requests.transport.locked) {
      body = args.map(copyBody);
      state.cancel = cancel;
    }
    return undefined;
  });
};
