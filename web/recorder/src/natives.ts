/**
 * The browser's own functions, taken before any script of the page ran. The page may replace its copies later; what
 * the recorder itself sends and measures does not go through them.
 */

const win = window;

export const natives = {
  fetch: win.fetch.bind(win),
  Request: win.Request,
  Response: win.Response,
  XMLHttpRequest: win.XMLHttpRequest,
  xhrOpen: win.XMLHttpRequest.prototype.open,
  xhrSend: win.XMLHttpRequest.prototype.send,
  xhrHeader: win.XMLHttpRequest.prototype.setRequestHeader,
  setTimeout: win.setTimeout.bind(win),
  clearTimeout: win.clearTimeout.bind(win),
  MutationObserver: win.MutationObserver,
  CompressionStream: win.CompressionStream as typeof CompressionStream | undefined,
  now: performance.now.bind(performance),
  clock: Date.now,
  random: crypto.getRandomValues.bind(crypto),
  stringify: JSON.stringify,
};

/** A name that nobody can guess: of classes, which the page must not be able to use. */
export const randomName = (): string =>
  `c${Array.from(natives.random(new Uint8Array(9)), (byte) => byte.toString(36)).join("")}`;

/** Listens on `window` in the capture phase: before every listener that the page can add. */
export const listen = (type: string, handle: (event: Event) => void, target: EventTarget = win): void =>
  target.addEventListener(type, (event) => quietly(() => handle(event)), { capture: true, passive: true });

/** Runs one part of the recorder so that its fault can never become a fault of the page. */
export const quietly = <T>(run: () => T): T | undefined => {
  try {
    return run();
  } catch {
    return undefined;
  }
};

type AnyFunction = (...args: never[]) => unknown;

/** Puts `wrapper` around a function of the page. A proxy keeps name, length, `toString` and own properties. */
export const wrap = <O extends object>(
  owner: O,
  name: string,
  wrapper: (native: (...args: unknown[]) => unknown, self: unknown, args: unknown[]) => unknown,
): void => {
  const holder = owner as Record<string, AnyFunction | undefined>;
  const native = holder[name];
  if (typeof native !== "function") return;
  holder[name] = new Proxy(native, {
    apply: (target, self: unknown, args: unknown[]) =>
      wrapper((...next) => Reflect.apply(target, self, next), self, args),
  });
};
