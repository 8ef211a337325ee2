/**
 * Writes `docs/recorder-protocol-vectors.json` from fixed inputs. The recorder's and the gateway's tests both read it.
 */
import { hkdfSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { CODEC_GZIP, CODEC_RAW, encodeBatch, macOf, FLAG_ENDED, FLAG_HIDDEN, FLAG_SNAPSHOT, FLAG_TAIL } from "../src/batch";
import { concat, toBase64Url, utf8 } from "../src/bytes";
import { hmac, Seal } from "../src/mac";

declare global {
  interface ImportMeta {
    recorderRoot: string;
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const document = Buffer.from("0193465a7b1c7d2e8f30415263748596", "hex");
const secret = Buffer.from(Array.from({ length: 32 }, (_, i) => 0xa0 + i));
const key = new Uint8Array(hkdfSync("sha256", secret, document, "chaperone document v1", 32));
const seal = new Seal(document, key);

const step = (seq: number, more: object): object => ({
  seq,
  t: 1763660000000 + seq * 1000,
  tm: 1000.5 + seq * 1000,
  kind: "click",
  label: "Save",
  role: "button",
  control: "button",
  selectors: ['role=button[name="Save"]', "css=#save"],
  value: null,
  form_context: "Vendor details",
  record_context: "V-100 Contoso",
  page: { url: "http://erp.localhost/vendors/V-100", title: "V-100 Contoso" },
  point: [120, 48],
  trusted: true,
  node: 17,
  ...more,
});

const hello = { type: "hello", url: "http://erp.localhost/vendors/V-100", title: "", referrer: "", user_agent: "Vectors/1.0", viewport: [1280, 720], frame: false };
const change = step(0, {
  kind: "change",
  label: "Bank account",
  role: "textbox",
  control: "input/text",
  selectors: ['role=textbox[name="Bank account"]', "css=#bank"],
  value: { old: "DE1", new: "DE2 – Zürich", type: "text", masked: false, length: 12 },
});
const secretChange = step(2, {
  kind: "change",
  label: "Password",
  role: "textbox",
  control: "input/password",
  selectors: ["css=#password"],
  value: { old: null, new: null, type: "secret", masked: true, length: 7 },
});

interface Plan {
  name: string;
  entries: [string, unknown][];
  epoch: number;
  codec: number;
  flags: number;
  sinceStart: number;
}
const plans: Plan[] = [
  { name: "the first batch says hello", entries: [["h", hello]], epoch: 0, codec: CODEC_RAW, flags: 0, sinceStart: 3 },
  {
    name: "a full snapshot, packed",
    entries: [
      ["d", { type: 4, data: { href: "http://erp.localhost/vendors/V-100", width: 1280, height: 720 }, timestamp: 1763659999000 }],
      ["d", { type: 2, data: { node: { type: 0, childNodes: [], id: 1 }, initialOffset: { top: 0, left: 0 } }, timestamp: 1763659999001 }],
    ],
    epoch: 0,
    codec: CODEC_GZIP,
    flags: FLAG_SNAPSHOT,
    sinceStart: 180,
  },
  {
    name: "steps and an intent",
    entries: [["s", change], ["s", step(1, {})], ["i", { id: "1", method: "POST", url: "/vendors/V-100?tab=bank", via: "form", step: 1, t: 1763660001002 }]],
    epoch: 0,
    codec: CODEC_RAW,
    flags: 0,
    sinceStart: 2002,
  },
  { name: "a sign of life of a hidden page", entries: [], epoch: 0, codec: CODEC_RAW, flags: FLAG_HIDDEN, sinceStart: 32002 },
  { name: "the tail", entries: [["s", secretChange]], epoch: 0, codec: CODEC_RAW, flags: FLAG_TAIL | FLAG_ENDED, sinceStart: 33000 },
  { name: "back from the back/forward cache: the epoch rises, the sequence goes on", entries: [["h", { type: "degraded", what: "example" }]], epoch: 1, codec: CODEC_RAW, flags: 0, sinceStart: 63000 },
];

let previous: Uint8Array = new Uint8Array(16);
const batches = plans.map((plan, sequence) => {
  const json = JSON.stringify(plan.entries);
  const body = plan.codec === CODEC_GZIP ? new Uint8Array(gzipSync(utf8(json))) : utf8(json);
  const bytes = encodeBatch(seal, { document, epoch: plan.epoch, sequence, codec: plan.codec, flags: plan.flags, sinceStart: plan.sinceStart, entries: plan.entries.length, previous }, body);
  const vector = {
    name: plan.name,
    epoch: plan.epoch,
    sequence,
    codec: plan.codec,
    flags: plan.flags,
    since_start_ms: plan.sinceStart,
    entries: plan.entries.length,
    previous_mac_hex: hex(previous),
    json,
    batch_hex: hex(bytes),
    mac_hex: hex(macOf(bytes)),
  };
  previous = macOf(bytes);
  return vector;
});

const ackBody = '{"document":"0193465a-7b1c-7d2e-8f30-415263748596","durable_sequence":2,"lease_ms":5000,"commands":[],"banner":null,"hosts":["erp.localhost"]}';
const ackMac = hmac(key, concat(utf8("ack:"), utf8(ackBody))).subarray(0, 16);

const vectors = {
  about: "Test vectors of recorder-protocol.md. Made by `npm run vectors --workspace recorder`; integers big-endian, b64 without padding.",
  document_secret_hex: hex(secret),
  document_id: "0193465a-7b1c-7d2e-8f30-415263748596",
  document_id_hex: hex(document),
  document_key_hex: hex(key),
  tag_data_c: toBase64Url(concat(document, key)),
  batches,
  acknowledgement: { body: ackBody, mac_hex: hex(ackMac), header: toBase64Url(ackMac) },
  requests: [
    { sequence: 2, method: "POST", path_and_query: "/api/vendors/V-100?notify=true", header: seal.request(2, "POST", "/api/vendors/V-100?notify=true") },
    { sequence: 0, method: "DELETE", path_and_query: "/", header: seal.request(0, "DELETE", "/") },
    { sequence: 4294967295, method: "PATCH", path_and_query: "/%C3%BCber?a=b%20c", header: seal.request(4294967295, "PATCH", "/%C3%BCber?a=b%20c") },
  ],
  web_sockets: [
    { sequence: 2, path_and_query: "/live?room=1", parameter: seal.request(2, "WEBSOCKET", "/live?room=1"), requested: `/live?room=1&__chp=${seal.request(2, "WEBSOCKET", "/live?room=1")}` },
    { sequence: 3, path_and_query: "/live", parameter: seal.request(3, "WEBSOCKET", "/live"), requested: `/live?__chp=${seal.request(3, "WEBSOCKET", "/live")}` },
  ],
  web_socket_messages: [
    { sequence: 7, text: "hello|world", framed_text: "7|hello|world" },
    { sequence: 258, binary_hex: "00ff", framed_binary_hex: "0000010200ff" },
  ],
};

writeFileSync(join(import.meta.recorderRoot, "../../docs/recorder-protocol-vectors.json"), `${JSON.stringify(vectors, null, 1)}\n`);
