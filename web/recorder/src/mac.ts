/**
 * The document's seal. Everything that the recorder says, and everything that it believes, carries a MAC under the
 * document's key. It is computed synchronously: a request that is about to leave cannot always wait for a promise.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concat, fromBase64Url, same, toBase64Url, utf8 } from "./bytes";

/** Bytes of a MAC: the first half of HMAC-SHA-256. */
export const MAC_BYTES = 16;

export class Seal {
  readonly #key: Uint8Array;
  readonly #document: string;

  constructor(document: Uint8Array, key: Uint8Array) {
    this.#key = key;
    this.#document = toBase64Url(document);
  }

  #mac(message: Uint8Array): Uint8Array {
    return hmac(sha256, this.#key, message).subarray(0, MAC_BYTES);
  }

  /** The MAC that ends a batch. */
  batch(before: Uint8Array): Uint8Array {
    return this.#mac(concat(utf8("batch:"), before));
  }

  /** Whether an answer was made by somebody who holds the key, and not by a service worker of the page. */
  acknowledges(body: Uint8Array, mac: string | null): boolean {
    if (!mac) return false;
    try {
      return same(this.#mac(concat(utf8("ack:"), body)), fromBase64Url(mac));
    } catch {
      return false;
    }
  }

  /** The token of a request: document, sequence and MAC, for the header or for a WebSocket's query. */
  request(sequence: number, method: string, pathAndQuery: string): string {
    const mac = this.#mac(utf8(`req:${sequence}:${method}:${pathAndQuery}`));
    return `${this.#document}.${sequence}.${toBase64Url(mac)}`;
  }
}
