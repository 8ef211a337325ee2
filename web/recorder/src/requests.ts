/**
 * The page's own requests: a change leaves only after the evidence before it is on the way, with a token that names
 * that evidence. What cannot carry a token is declared by an intent.
 *
 * Everything else about a request stays as the page made it.
 */
import type { Seal } from "./mac";
import { natives, quietly, wrap } from "./natives";
import type { Transport } from "./transport";

/** HTTP/1.1 gives a host six connections; event streams take some, and the evidence needs one. */
export const MOST_ON_THE_WAY = 3;
export const HEADER = "X-Chaperone";

export type Via = "form" | "navigate" | "beacon" | "no-cors" | "keepalive" | "download";

export class Requests {
  readonly transport: Transport;
  readonly #seal: Seal;
  readonly #lastStep: () => number | null;
  #hosts: readonly string[] = [];
  #intents = 0;
  #onTheWay = 0;
  #queue: (() => void)[] = [];

  constructor(transport: Transport, seal: Seal, lastStep: () => number | null) {
    this.transport = transport;
    this.#seal = seal;
    this.#lastStep = lastStep;
  }

  setHosts(hosts: readonly string[]): void {
    this.#hosts = hosts;
  }

  /** Whether an address belongs to the recorded sign-in. */
  ours(url: URL): boolean {
    return /^(https?|wss?):$/.test(url.protocol) && (url.host === location.host || this.#hosts.includes(url.host));
  }

  own(url: URL): boolean {
    return url.origin === location.origin;
  }

  token(sequence: number, method: string, url: URL): string {
    return this.#seal.request(sequence, method, url.pathname + url.search);
  }

  /**
   * Runs `start` once everything up to now is on the way and fewer than three changes are. `start` gets the sequence to
   * name, and a function to call when its answer has begun. What comes back takes the request out of the queue.
   */
  hold(start: (sequence: number, done: () => void) => void): () => void {
    let cancelled = false;
    const run = (): void => {
      if (cancelled) return this.#next();
      this.#onTheWay += 1;
      this.transport.handOver((sequence) => {
        let over = false;
        const done = (): void => {
          if (over) return;
          over = true;
          this.#onTheWay -= 1;
          this.#next();
        };
        if (cancelled) done();
        else start(sequence, done);
      });
    };
    if (this.#onTheWay < MOST_ON_THE_WAY) run();
    else this.#queue.push(run);
    return () => (cancelled = true);
  }

  #next(): void {
    if (this.#onTheWay < MOST_ON_THE_WAY) this.#queue.shift()?.();
  }

  /** Declares a request that cannot carry a token, and sends the declaration at once. */
  intent(method: string, address: string | URL, via: Via): void {
    const url = new URL(address, document.baseURI);
    if (!this.ours(url)) return;
    this.transport.add("i", {
      id: String(this.#intents++),
      method,
      url: url.pathname + url.search,
      via,
      step: this.#lastStep(),
      t: natives.clock(),
    });
    this.transport.reserve();
  }
}

export const isSafe = (method: string): boolean => /^(get|head)$/i.test(method);

/** What a script is told when its change is refused here, as the gateway would tell it. */
export const REFUSAL = JSON.stringify({
  type: "/problems/evidence-missing",
  title: "Evidence is missing",
  status: 428,
  detail: "Recording has stopped; changes are blocked. Reload the page.",
});

export const wrapFetch = (requests: Requests): void => {
  wrap(window, "fetch", (native, _self, args) => {
    const wrapped = quietly(() => fetchWith(requests, native as typeof fetch, args as Parameters<typeof fetch>));
    // Arguments that no request can be made of: the browser's own error is the right one.
    return wrapped ?? native(...args);
  });
  wrap(Navigator.prototype, "sendBeacon", (native, _self, args) => {
    quietly(() => requests.intent("POST", String(args[0]), "beacon"));
    return native(...args);
  });
};

const fetchWith = (requests: Requests, native: typeof fetch, args: Parameters<typeof fetch>): Promise<Response> | undefined => {
  const [input, init] = args;
  const address = new URL(input instanceof natives.Request ? input.url : String(input), document.baseURI);
  if (!requests.ours(address)) return undefined;
  const given = input instanceof natives.Request ? input : null;
  const method = init?.method ?? given?.method ?? "GET";
  const mode = init?.mode ?? given?.mode ?? "cors";
  if (isSafe(method)) {
    const sequence = requests.transport.sent();
    if (mode === "no-cors" || !requests.own(address) || sequence < 0) return undefined;
    const request = new natives.Request(input, init);
    request.headers.set(HEADER, requests.token(sequence, request.method, new URL(request.url)));
    return native(request);
  }
  if (mode === "no-cors" || (init?.keepalive ?? given?.keepalive)) {
    requests.intent(method, address, mode === "no-cors" ? "no-cors" : "keepalive");
    return undefined;
  }
  // Made now: what the page does to its body afterwards must not change what is sent.
  const request = new natives.Request(input, init);
  return new Promise((resolve, reject) => {
    const cancel = requests.hold((sequence, done) => {
      request.signal.removeEventListener("abort", aborted);
      if (requests.transport.locked) {
        done();
        resolve(new natives.Response(REFUSAL, { status: 428, headers: { "Content-Type": "application/problem+json" } }));
        return;
      }
      request.headers.set(HEADER, requests.token(sequence, request.method, new URL(request.url)));
      native(request).then(resolve, reject).finally(done);
    });
    function aborted(): void {
      cancel();
      reject(request.signal.reason);
    }
    if (request.signal.aborted) aborted();
    else request.signal.addEventListener("abort", aborted, { once: true });
  });
};
