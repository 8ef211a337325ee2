/**
 * The document's seal. Everything that the recorder says, and everything that it believes, carries a MAC under the
 * document's key. It is computed synchronously: a request that is about to leave cannot always wait for a promise.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { concat, fromBase64Url, same, toBase64Url, utf8 } from "./bytes";

/** Bytes of a block of SHA-256; a document key is shorter. */
const BLOCK_BYTES = 64;

/** HMAC-SHA-256 (RFC 2104) for keys of at most one block. */
export const hmac = (key: Uint8Array, message: Uint8Array): Uint8Array => {
  const pad = (byte: number): Uint8Array =>
    Uint8Array.from({ length: BLOCK_BYTES }, (_, i) => (key[i] ?? 0) ^ byte);
  return sha256(concat(pad(0x5c), sha256(concat(pad(0x36), message))));
};

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
    return hmac(this.#key, message).subarray(0, MAC_BYTES);
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
