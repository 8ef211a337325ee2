/**
 * The way of the evidence to the gateway.
 *
 * Entries gather; a *pump* seals what has gathered into the next batch and sends it. One batch is on the way at a time,
 * and it is sent again with the same bytes until an answer with a right MAC says that it is durable. Callers that must
 * not act before their evidence is on the way use `handOver`.
 */
import { CODEC_GZIP, CODEC_RAW, encodeBatch, FLAG_ENDED, FLAG_HIDDEN, FLAG_SNAPSHOT, FLAG_TAIL, macOf } from "./batch";
import { utf8 } from "./bytes";
import { toJson } from "./json";
import { MAC_BYTES, type Seal } from "./mac";
import { natives, quietly } from "./natives";
import { mayHoldSecret, withoutSecrets } from "./secrets";

export type Channel = "h" | "d" | "s" | "i";

export interface Banner {
  recording: boolean;
  account: string;
  user: string;
  reason: string;
  ends_at: string;
  now: string;
  console_url: string;
}

export interface Answer {
  document: string;
  durable_sequence: number;
  lease_ms: number;
  commands: string[];
  banner: Banner | null;
  hosts: string[];
}

const ADDRESS = "/.chaperone/v1/batch";
const URGENT_MS = 20;
const GATHER_MS = 1000;
const SIGN_OF_LIFE_MS = 2000;
const SIGN_OF_LIFE_HIDDEN_MS = 30_000;
const ANSWER_MS = 15_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4000;
/** Characters that are sent without waiting for more. */
const GATHER_CHARS = 32 * 1024;
/** Bodies up to this many bytes go raw: packing them costs a turn of the event loop and saves nothing. */
const RAW_BYTES = 4096;
/** Most bytes of a batch that must survive the page: keepalive allows 64 KiB for all that is under way. */
const TAIL_BYTES = 48 * 1024;
/** Most characters of one batch's entries: with four bytes each still under the gateway's 32 MiB. */
const MOST_CHARS = 7 * 1024 * 1024;
const MOST_ENTRIES = 20_000;
/** The gateway takes 4 MiB as sent. */
const MOST_SENT_BYTES = 4 * 1024 * 1024 - 4096;

interface Entry {
  readonly channel: Channel;
  readonly json: string;
  readonly snapshot: boolean;
}

/** A body that is being packed; taken back when there is no time for it. */
interface Packing {
  readonly entries: readonly Entry[];
  readonly body: Uint8Array;
}

interface Sealed {
  readonly sequence: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface Listener {
  answered(answer: Answer): void;
  locked(): void;
}

export class Transport {
  locked = false;
  readonly #document: Uint8Array;
  readonly #seal: Seal;
  readonly #listener: Listener;
  readonly #began = natives.now();
  #entries: Entry[] = [];
  #chars = 0;
  #epoch = 0;
  #next = 0;
  #previous: Uint8Array = new Uint8Array(MAC_BYTES);
  #packing: Packing | null = null;
  #unanswered: Sealed[] = [];
  #onTheWay = false;
  #pause = FIRST_PAUSE_MS;
  #waiting: ((sequence: number) => void)[] = [];
  #timer = 0;
  #due = Infinity;
  #gone = false;
  #lastSent = -Infinity;
  /** A navigation has begun: what is sent now must survive it. */
  leaving = false;

  constructor(document: Uint8Array, seal: Seal, listener: Listener) {
    this.#document = document;
    this.#seal = seal;
    this.#listener = listener;
  }

  /** Whole and part milliseconds since the document began. */
  sinceStart(): number {
    return natives.now() - this.#began;
  }

  add(channel: Channel, payload: unknown, snapshot = false): void {
    if (this.locked) return;
    const json = toJson([channel, payload]);
    if (json.length > MOST_CHARS) {
      this.add("h", { type: "degraded", what: "entry_too_large" });
      return;
    }
    this.#entries.push({ channel, json, snapshot });
    this.#chars += json.length;
    if (this.#gone && channel !== "d") this.#tail();
    else this.#wake(channel !== "d" ? URGENT_MS : this.#chars > GATHER_CHARS ? 0 : GATHER_MS);
  }

  /** The sequence of the batch that holds everything up to now; its sending is begun where nothing is in the way. */
  reserve(): number {
    this.#pump(false);
    return this.#next - 1 + (this.#packing ? 1 : 0) + (this.#entries.length > 0 ? 1 : 0);
  }

  /** The newest batch that has been sent; -1 when none was. */
  sent(): number {
    return this.#next - 1;
  }

  /** Calls back once everything up to now is on the way: at once where possible. */
  handOver(ready: (sequence: number) => void): void {
    this.#waiting.push(ready);
    this.#pump(false);
  }

  /** Sends everything before it returns, for callers that block the page anyway. */
  handOverBlocking(): number {
    this.#unpack();
    if (this.#entries.length > 0 && !this.locked) this.#sealRaw(this.#take(MOST_CHARS), 0);
    for (const batch of [...this.#unanswered]) {
      const xhr = new natives.XMLHttpRequest();
      natives.xhrOpen.call(xhr, "POST", ADDRESS, false);
      natives.xhrHeader.call(xhr, "Content-Type", "application/octet-stream");
      const body = quietly(() => {
        natives.xhrSend.call(xhr, batch.bytes);
        return utf8(xhr.responseText);
      });
      if (body) this.#answer(batch, xhr.status, xhr.getResponseHeader("X-Chaperone-Mac"), body);
    }
    return this.#next - 1;
  }

  /** Begins the signs of life. */
  start(): void {
    this.#pump(true);
  }

  /** The page is going: what is left is sent so that it survives. */
  leave(): void {
    this.#gone = true;
    this.#unpack();
    // A batch whose answer has not come may be cut off with the page: it is sent again beside the tail.
    let room = TAIL_BYTES;
    for (const batch of this.#unanswered) {
      if (batch.bytes.length > room / 2) continue;
      room -= batch.bytes.length;
      void this.#post(batch, true);
    }
    this.#tail(room);
  }

  /** Back from the back/forward cache: a new epoch of the same document. */
  revive(): void {
    this.#gone = false;
    this.leaving = false;
    this.#epoch += 1;
    this.#pause = FIRST_PAUSE_MS;
    this.#wake(0);
    void this.#deliver();
  }

  lock(): void {
    if (this.locked) return;
    this.locked = true;
    this.#entries = [];
    this.#unanswered = [];
    natives.clearTimeout(this.#timer);
    this.#release(this.#next - 1);
    this.#listener.locked();
  }

  #tail(room = TAIL_BYTES): void {
    if (this.locked) return;
    const all = this.#take(MOST_CHARS);
    // Steps, intents and health come first; of the DOM as much as fits, from its beginning.
    let left = room - 1024;
    const kept = new Set<Entry>();
    for (const entry of [...all.filter((one) => one.channel !== "d"), ...all.filter((one) => one.channel === "d")]) {
      const size = utf8(entry.json).length + 1;
      if (size > left) break;
      left -= size;
      kept.add(entry);
    }
    const entries = all.filter((entry) => kept.has(entry));
    if (entries.length < all.length) {
      entries.push({ channel: "h", json: '["h",{"type":"degraded","what":"tail_cut"}]', snapshot: false });
    }
    const batch = this.#sealRaw(entries, FLAG_TAIL | FLAG_ENDED);
    void this.#post(batch, true);
  }

  #wake(after: number): void {
    const due = natives.now() + after;
    if (due >= this.#due || this.locked) return;
    natives.clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = natives.setTimeout(() => {
      this.#due = Infinity;
      const quiet = natives.now() - this.#lastSent;
      const life = this.#lifeMs();
      this.#pump(quiet >= life - URGENT_MS);
      if (this.#due === Infinity) this.#wake(life);
    }, after);
  }

  #take(most: number): Entry[] {
    let count = 0;
    let chars = 0;
    for (const entry of this.#entries) {
      if (count > 0 && (chars + entry.json.length > most || count >= MOST_ENTRIES)) break;
      count += 1;
      chars += entry.json.length;
    }
    this.#chars -= chars;
    return this.#entries.splice(0, count);
  }

  /** Seals and sends what has gathered, unless a batch is under way: its answer pumps again. */
  #pump(evenEmpty: boolean): void {
    if (this.locked) return this.#release(this.#next - 1);
    if (this.#packing || this.#gone) return;
    const empty = this.#entries.length === 0;
    if (empty && this.#next > 0) this.#release(this.#next - 1);
    if (this.#unanswered.length > 0 || (empty && !evenEmpty)) return;
    const entries = this.#take(MOST_CHARS);
    const body = this.#body(entries);
    if (body.length <= RAW_BYTES || !natives.CompressionStream) {
      this.#sealBody(entries, body, CODEC_RAW, 0);
      this.#sent();
      return;
    }
    const packing = { entries, body };
    this.#packing = packing;
    const done = (packed: Uint8Array, codec: number): void => {
      if (this.#packing !== packing || this.locked) return;
      this.#packing = null;
      if (packed.length > MOST_SENT_BYTES) this.#tooLarge(entries);
      else this.#sealBody(entries, packed, codec, 0);
      this.#sent();
    };
    void this.#pack(body).then(
      (packed) => done(packed, CODEC_GZIP),
      () => done(body, CODEC_RAW),
    );
  }

  /** Takes back what is being packed and seals it as it is. */
  #unpack(): void {
    const packing = this.#packing;
    if (!packing) return;
    this.#packing = null;
    this.#sealBody(packing.entries, packing.body, CODEC_RAW, 0);
  }

  #tooLarge(entries: readonly Entry[]): void {
    const kept = entries.filter((entry) => entry.channel !== "d");
    kept.push({ channel: "h", json: '["h",{"type":"degraded","what":"batch_too_large"}]', snapshot: false });
    this.#sealBody(kept, this.#body(kept), CODEC_RAW, 0);
  }

  #sent(): void {
    if (this.#entries.length === 0) this.#release(this.#next - 1);
    void this.#deliver();
  }

  #release(sequence: number): void {
    const ready = this.#waiting;
    this.#waiting = [];
    for (const one of ready) quietly(() => one(sequence));
  }

  #body(entries: readonly Entry[]): Uint8Array {
    const parts = entries.map(({ json }) => (mayHoldSecret(json) ? toJson(JSON.parse(json), withoutSecrets) : json));
    return utf8(`[${parts.join()}]`);
  }

  #sealRaw(entries: readonly Entry[], flags: number): Sealed {
    return this.#sealBody(entries, this.#body(entries), CODEC_RAW, flags);
  }

  #sealBody(entries: readonly Entry[], body: Uint8Array, codec: number, flags: number): Sealed {
    const sequence = this.#next++;
    const bytes = encodeBatch(
      this.#seal,
      {
        document: this.#document,
        epoch: this.#epoch,
        sequence,
        codec,
        flags:
          flags |
          (entries.some((entry) => entry.snapshot) ? FLAG_SNAPSHOT : 0) |
          (document.visibilityState === "hidden" ? FLAG_HIDDEN : 0),
        sinceStart: this.sinceStart(),
        entries: entries.length,
        previous: this.#previous,
      },
      body,
    ) as Uint8Array<ArrayBuffer>;
    this.#previous = macOf(bytes);
    const batch = { sequence, bytes };
    this.#lastSent = natives.now();
    this.#unanswered.push(batch);
    return batch;
  }

  async #pack(body: Uint8Array): Promise<Uint8Array> {
    const stream = new (natives.CompressionStream as typeof CompressionStream)("gzip");
    const writer = stream.writable.getWriter();
    void writer.write(body as Uint8Array<ArrayBuffer>).catch(() => undefined);
    void writer.close().catch(() => undefined);
    return new Uint8Array(await new natives.Response(stream.readable).arrayBuffer());
  }

  /** Sends the oldest unanswered batch until it is answered, then goes on with what has gathered. */
  async #deliver(): Promise<void> {
    if (this.#onTheWay) return;
    this.#onTheWay = true;
    try {
      for (let batch = this.#unanswered[0]; batch && !this.locked && !this.#gone; batch = this.#unanswered[0]) {
        const keepalive = this.leaving && batch.bytes.length < TAIL_BYTES;
        if (!(await this.#post(batch, keepalive)) && this.#unanswered[0] === batch && !this.locked) {
          const pause = this.#pause;
          this.#pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
          await new Promise((done) => natives.setTimeout(done as () => void, pause));
        }
      }
    } finally {
      this.#onTheWay = false;
    }
    if (this.#gone || this.locked) return;
    const urgent = this.#waiting.length > 0 || this.#entries.some((entry) => entry.channel !== "d" || entry.snapshot);
    if (urgent || this.#chars > GATHER_CHARS) this.#pump(false);
    else if (this.#entries.length > 0) this.#wake(GATHER_MS);
    else this.#wakeForLife();
  }

  #wakeForLife(): void {
    this.#wake(this.#lifeMs());
  }

  #lifeMs(): number {
    return document.visibilityState === "hidden" ? SIGN_OF_LIFE_HIDDEN_MS : SIGN_OF_LIFE_MS;
  }

  /** One attempt; whether the batch is durable now. */
  async #post(batch: Sealed, keepalive: boolean): Promise<boolean> {
    const abort = new AbortController();
    const late = keepalive ? 0 : natives.setTimeout(() => abort.abort(), ANSWER_MS);
    try {
      const response = await natives.fetch(ADDRESS, {
        method: "POST",
        body: batch.bytes,
        headers: { "Content-Type": "application/octet-stream" },
        credentials: "same-origin",
        cache: "no-store",
        redirect: "error",
        keepalive,
        ...(keepalive ? {} : { signal: abort.signal }),
      });
      // Read to the end always: an unread body keeps its share of the keepalive allowance.
      const body = new Uint8Array(await response.arrayBuffer());
      return this.#answer(batch, response.status, response.headers.get("X-Chaperone-Mac"), body);
    } catch {
      return false;
    } finally {
      natives.clearTimeout(late);
    }
  }

  #answer(batch: Sealed, status: number, mac: string | null, body: Uint8Array): boolean {
    if (status === 409 || status === 403 || status === 413) {
      this.lock();
      return false;
    }
    if (status !== 200 || !this.#seal.acknowledges(body, mac)) return false;
    const answer = JSON.parse(new TextDecoder().decode(body)) as Answer;
    this.#pause = FIRST_PAUSE_MS;
    this.#unanswered = this.#unanswered.filter((one) => one.sequence > answer.durable_sequence);
    quietly(() => this.#listener.answered(answer));
    if (answer.commands.includes("lock") || answer.commands.includes("reload")) this.lock();
    return batch.sequence <= answer.durable_sequence;
  }
}
