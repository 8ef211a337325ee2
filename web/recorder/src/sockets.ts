/**
 * WebSockets: the gateway must know the document of a socket, and for each message the evidence before it.
 */
import { concat } from "./bytes";
import { quietly, wrap } from "./natives";
import type { Requests } from "./requests";

const PARAMETER = "__chp";

const four = (sequence: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, sequence);
  return bytes;
};

/** A client's message with the sequence in front. */
export const framed = (sequence: number, data: unknown): unknown => {
  if (data instanceof Blob) return new Blob([four(sequence), data]);
  if (data instanceof ArrayBuffer) return concat(four(sequence), new Uint8Array(data));
  if (ArrayBuffer.isView(data)) {
    return concat(four(sequence), new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength));
  }
  return `${sequence}|${String(data)}`;
};

export const wrapSockets = (requests: Requests): void => {
  const ours = new WeakSet<object>();
  const Native = window.WebSocket;

  const Wrapped = new Proxy(Native, {
    construct(target, args: unknown[], newTarget) {
      let shown: string | null = null;
      const given = quietly(() => {
        const url = new URL(String(args[0]), document.baseURI);
        url.protocol = url.protocol.replace(/^http/, "ws");
        if (!requests.ours(url)) return args;
        shown = url.href;
        const token = requests.token(requests.transport.reserve(), "WEBSOCKET", url);
        // Appended as text: what the page wrote must stay as it wrote it.
        url.search += `${url.search ? "&" : "?"}${PARAMETER}=${token}`;
        return [url.href, ...args.slice(1)];
      });
      const socket = Reflect.construct(target, given ?? args, newTarget) as WebSocket;
      if (shown !== null) {
        ours.add(socket);
        Object.defineProperty(socket, "url", { configurable: true, value: shown });
      }
      return socket;
    },
  });
  Native.prototype.constructor = Wrapped;
  window.WebSocket = Wrapped;

  wrap(Native.prototype, "send", (native, self, args) => {
    if (!ours.has(self as object)) return native(...args);
    return native(quietly(() => framed(requests.transport.reserve(), args[0])) ?? args[0]);
  });
};

