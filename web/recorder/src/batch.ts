/**
 * The batch, byte for byte as `docs/recorder-protocol.md` says.
 */
import { concat, utf8 } from "./bytes";
import { MAC_BYTES, type Seal } from "./mac";

export const FLAG_SNAPSHOT = 1;
export const FLAG_HIDDEN = 2;
export const FLAG_TAIL = 4;
export const FLAG_ENDED = 8;

export const CODEC_RAW = 0;
export const CODEC_GZIP = 1;

/** Bytes before the body. */
export const HEAD_BYTES = 4 + 16 + 2 + 4 + 1 + 1 + 8 + 2 + 4 + MAC_BYTES;

export interface BatchHead {
  readonly document: Uint8Array;
  readonly epoch: number;
  readonly sequence: number;
  readonly codec: number;
  readonly flags: number;
  /** Whole milliseconds since the document began. */
  readonly sinceStart: number;
  readonly entries: number;
  /** MAC of the batch before; zeros for the first. */
  readonly previous: Uint8Array;
}

export const encodeBatch = (seal: Seal, head: BatchHead, body: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(HEAD_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(utf8("CHB1"), 0);
  bytes.set(head.document, 4);
  view.setUint16(20, head.epoch);
  view.setUint32(22, head.sequence);
  view.setUint8(26, head.codec);
  view.setUint8(27, head.flags);
  view.setBigUint64(28, BigInt(Math.max(0, Math.floor(head.sinceStart))));
  view.setUint16(36, head.entries);
  view.setUint32(38, body.length);
  bytes.set(head.previous, 42);
  const before = concat(bytes, body);
  return concat(before, seal.batch(before));
};

export const macOf = (batch: Uint8Array): Uint8Array => batch.slice(batch.length - MAC_BYTES);
