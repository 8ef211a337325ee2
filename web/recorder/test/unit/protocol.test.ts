import assert from "node:assert/strict";
import { createHmac, hkdfSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { CODEC_GZIP, encodeBatch, HEAD_BYTES } from "../../src/batch";
import { concat, fromBase64Url, toBase64Url, utf8 } from "../../src/bytes";
import { hmac, Seal } from "../../src/mac";

declare global {
  interface ImportMeta {
    recorderRoot: string;
  }
}

const vectors = JSON.parse(readFileSync(join(import.meta.recorderRoot, "../../docs/recorder-protocol-vectors.json"), "utf8"));
const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex");
const key = bytes(vectors.document_key_hex);
const document = bytes(vectors.document_id_hex);
const seal = new Seal(document, key);
const nodeMac = (message: Uint8Array): string => createHmac("sha256", key).update(message).digest().subarray(0, 16).toString("hex");

test("the document key is HKDF of the recording's secret, as another implementation computes it", () => {
  const made = hkdfSync("sha256", bytes(vectors.document_secret_hex), document, "chaperone document v1", 32);
  assert.equal(Buffer.from(made).toString("hex"), vectors.document_key_hex);
  assert.deepEqual(fromBase64Url(vectors.tag_data_c), concat(document, key));
});

test("HMAC agrees with another implementation for messages of every length around a block", () => {
  for (let length = 0; length < 200; length++) {
    const message = Uint8Array.from({ length }, (_, i) => i * 7);
    assert.equal(hex(hmac(key, message).subarray(0, 16)), nodeMac(message));
  }
});

test("every batch of the vectors is encoded byte for byte, and its MAC is right for another implementation", () => {
  for (const batch of vectors.batches) {
    const whole = bytes(batch.batch_hex);
    const body = whole.slice(HEAD_BYTES, whole.length - 16);
    const made = encodeBatch(
      seal,
      {
        document, epoch: batch.epoch, sequence: batch.sequence, codec: batch.codec, flags: batch.flags,
        sinceStart: batch.since_start_ms, entries: batch.entries, previous: bytes(batch.previous_mac_hex),
      },
      body,
    );
    assert.equal(hex(made), batch.batch_hex, batch.name);
    assert.equal(nodeMac(concat(utf8("batch:"), whole.slice(0, -16))), batch.mac_hex);
    const json = batch.codec === CODEC_GZIP ? gunzipSync(body).toString("utf8") : Buffer.from(body).toString("utf8");
    assert.equal(json, batch.json);
    assert.equal(JSON.parse(json).length, batch.entries);
  }
});

test("each batch of the vectors holds the MAC of the one before", () => {
  let previous = "00".repeat(16);
  for (const batch of vectors.batches) {
    assert.equal(batch.batch_hex.slice(84, 116), previous);
    previous = batch.mac_hex;
  }
});

test("an acknowledgement counts only with the right MAC", () => {
  const { body, header } = vectors.acknowledgement;
  assert.equal(seal.acknowledges(utf8(body), header), true);
  assert.equal(seal.acknowledges(utf8(`${body} `), header), false);
  assert.equal(seal.acknowledges(utf8(body), toBase64Url(new Uint8Array(16))), false);
  assert.equal(seal.acknowledges(utf8(body), "§"), false);
  assert.equal(seal.acknowledges(utf8(body), null), false);
});

test("requests and WebSockets carry the tokens of the vectors", () => {
  for (const request of vectors.requests) {
    assert.equal(seal.request(request.sequence, request.method, request.path_and_query), request.header);
  }
  for (const socket of vectors.web_sockets) {
    assert.equal(seal.request(socket.sequence, "WEBSOCKET", socket.path_and_query), socket.parameter);
  }
});

test("base64url goes there and back without padding", () => {
  for (let length = 0; length < 50; length++) {
    const data = Uint8Array.from({ length }, (_, i) => 255 - i * 5);
    const text = toBase64Url(data);
    assert.match(text, /^[\w-]*$/);
    assert.deepEqual(fromBase64Url(text), data);
  }
});
