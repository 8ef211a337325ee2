/**
 * The gateway's side of the recorder's protocol, as plainly as it can be written: it checks every MAC, the chain and the
 * sequence, keeps what arrives, and puts changes under the barrier. Only the tests use it.
 */
import { createHmac, hkdfSync, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type WebSocket, WebSocketServer } from "ws";
import type { Step } from "../../src/steps";

declare global {
  interface ImportMeta {
    recorderRoot: string;
  }
}

export interface Intent { id: string; method: string; url: string; via: string; step: number | null; t: number }
export interface DomEvent { type: number; data: Record<string, unknown>; timestamp: number }
export interface Batch { sequence: number; epoch: number; flags: number; codec: number; bytes: Buffer; entries: [string, unknown][] }

export class RecordedDocument {
  readonly batches: Batch[] = [];
  readonly early = new Map<number, Buffer>();
  broken: string | null = null;
  readonly used = new Set<Intent>();

  constructor(readonly path: string, readonly id: Buffer, readonly key: Buffer) {}

  mac(...parts: (string | Buffer)[]): Buffer {
    const hmac = createHmac("sha256", this.key);
    for (const part of parts) hmac.update(part);
    return hmac.digest().subarray(0, 16);
  }

  of<T>(channel: string): T[] {
    return this.batches.flatMap((batch) => batch.entries.filter(([name]) => name === channel).map(([, payload]) => payload as T));
  }

  get steps(): Step[] { return this.of<Step>("s"); }
  get intents(): Intent[] { return this.of<Intent>("i"); }
  get dom(): DomEvent[] { return this.of<DomEvent>("d"); }
  get health(): Record<string, unknown>[] { return this.of("h"); }
  get durable(): number { return this.batches.length - 1; }
}

export interface Seen {
  method: string; path: string; body: string; headers: IncomingMessage["headers"];
  outcome: "safe" | "released" | "refused"; by: "header" | "intent" | "nothing"; sequence: number | null; arrivedDurable: number;
}

type Answer = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

export class ReferenceGateway {
  readonly documents: RecordedDocument[] = [];
  readonly seen: Seen[] = [];
  readonly messages: { sequence: number; data: Buffer; text: boolean; durable: boolean }[] = [];
  readonly attempts: Buffer[] = [];
  /** Taken from in front: how the next batches are answered. */
  faults: ("503" | "reset" | "wrong mac" | "409" | "slow")[] = [];
  commands: string[] = [];
  banner: object | null = null;
  hosts: string[] = [];
  /** Milliseconds until a batch is durable. */
  delay = 0;
  port = 0;
  readonly #pages = new Map<string, string | Answer>();
  readonly #secret = randomBytes(32);
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #script = readFileSync(join(import.meta.recorderRoot, "dist/recorder.js"));
  #changed: (() => void)[] = [];

  constructor() {
    this.#server = createServer((request, response) => void this.#handle(request, response));
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    const upgrades = new WebSocketServer({ noServer: true });
    this.#server.on("upgrade", (request, socket, head) => {
      const url = new URL(request.url ?? "/", this.origin);
      const token = url.searchParams.get("__chp");
      const plain = (request.url ?? "").replace(/[?&]__chp=[^&]*/, "");
      const document = token ? this.#checkToken(token, "WEBSOCKET", plain) : null;
      if (!document) return void socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      upgrades.handleUpgrade(request, socket, head, (webSocket) => this.#talk(webSocket, document.document));
    });
  }

  get origin(): string { return `http://127.0.0.1:${this.port}`; }

  async start(): Promise<void> {
    await new Promise<void>((done) => this.#server.listen(0, "127.0.0.1", done));
    this.port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => this.#server.close(done));
  }

  page(path: string, html: string | Answer): string {
    this.#pages.set(path, html);
    return this.origin + path;
  }

  forget(): void {
    this.documents.length = 0;
    this.seen.length = 0;
    this.messages.length = 0;
    this.attempts.length = 0;
    this.faults = [];
    this.commands = [];
    this.banner = null;
    this.delay = 0;
    this.#pages.clear();
  }

  /** The newest document of a path. */
  document(path: string): RecordedDocument {
    const found = this.documents.filter((one) => one.path === path).at(-1);
    if (!found) throw new Error(`no document ${path}`);
    return found;
  }

  /** Waits until `look` finds something. */
  async until<T>(look: () => T | undefined | null | false, what: string, within = 30000): Promise<T> {
    const end = Date.now() + within;
    for (;;) {
      const found = look();
      if (found) return found;
      if (Date.now() > end) throw new Error(`not within ${within} ms: ${what}`);
      await new Promise<void>((done) => {
        const timer = setTimeout(done, 250);
        this.#changed.push(() => (clearTimeout(timer), done()));
      });
    }
  }

  #notify(): void {
    const all = this.#changed;
    this.#changed = [];
    for (const one of all) one();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    try {
      for await (const part of request) parts.push(part as Buffer);
    } catch {
      return;
    }
    const body = Buffer.concat(parts);
    const address = request.url ?? "/";
    const path = address.split("?")[0] ?? "/";
    if (path === "/.chaperone/test/recorder.js") {
      response.writeHead(200, { "Content-Type": "text/javascript; charset=utf-8", "Cache-Control": "max-age=31536000, immutable" });
      response.end(this.#script);
    } else if (path === "/.chaperone/v1/batch") {
      await this.#take(body, response);
    } else {
      await this.#forward(request, response, address, path, body);
    }
    this.#notify();
  }

  async #forward(request: IncomingMessage, response: ServerResponse, address: string, path: string, body: Buffer): Promise<void> {
    const method = request.method ?? "GET";
    const safe = /^(GET|HEAD|OPTIONS)$/.test(method);
    const token = request.headers["x-chaperone"] as string | undefined;
    const seen: Seen = {
      method, path: address, body: body.toString("latin1"), headers: request.headers,
      outcome: safe ? "safe" : "refused", by: "nothing", sequence: null, arrivedDurable: -1,
    };
    if (token) {
      const checked = this.#checkToken(token, method, address);
      if (checked) {
        seen.by = "header";
        seen.sequence = checked.sequence;
        seen.arrivedDurable = checked.document.durable;
        if (!safe && (await this.#waitFor(() => checked.document.durable >= checked.sequence))) seen.outcome = "released";
      }
    } else if (!safe) {
      const found = await this.#waitFor(() => {
        for (const document of this.documents) {
          for (const intent of document.intents) {
            if (document.used.has(intent) || intent.method !== method || intent.url !== address) continue;
            document.used.add(intent);
            return true;
          }
        }
        return false;
      });
      if (found) {
        seen.by = "intent";
        seen.outcome = "released";
      }
    }
    this.seen.push(seen);
    if (!safe && seen.outcome === "refused") {
      response.writeHead(428, { "Content-Type": "application/problem+json" }).end('{"type":"/evidence-missing"}');
      return;
    }
    const page = this.#pages.get(path);
    if (typeof page === "function") return page(request, response, body);
    if (page === undefined) return void response.writeHead(method === "GET" ? 404 : 200, { "Content-Type": "text/plain" }).end(`done ${method}`);
    const id = randomBytes(16);
    const key = Buffer.from(hkdfSync("sha256", this.#secret, id, "chaperone document v1", 32));
    this.documents.push(new RecordedDocument(path, id, key));
    const tag = `<script src="/.chaperone/test/recorder.js" data-c="${Buffer.concat([id, key]).toString("base64url")}"></script>`;
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
    response.end(`<!doctype html>${tag}${page}`);
  }

  async #waitFor(look: () => boolean): Promise<boolean> {
    return this.until(() => look() || null, "evidence", 2000).then(() => true, () => false);
  }

  #checkToken(token: string, method: string, address: string): { document: RecordedDocument; sequence: number } | null {
    const [id, sequence, mac] = token.split(".");
    const document = this.documents.find((one) => one.id.toString("base64url") === id);
    if (!document || sequence === undefined) return null;
    const right = document.mac(`req:${sequence}:${method}:${address}`).toString("base64url");
    return right === mac ? { document, sequence: Number(sequence) } : null;
  }

  #talk(socket: WebSocket, document: RecordedDocument): void {
    socket.on("message", (data: Buffer, binary) => {
      const at = binary ? 4 : data.indexOf("|") + 1;
      const sequence = binary ? data.readUInt32BE(0) : Number(data.subarray(0, at - 1).toString());
      void this.#waitFor(() => document.durable >= sequence).then((durable) => {
        this.messages.push({ sequence, data: data.subarray(at), text: !binary, durable });
        socket.send(data.subarray(at), { binary });
        this.#notify();
      });
    });
  }

  async #take(bytes: Buffer, response: ServerResponse): Promise<void> {
    this.attempts.push(bytes);
    const document = this.documents.find((one) => one.id.equals(bytes.subarray(4, 20)));
    const fault = this.faults.shift();
    if (!document) return void response.writeHead(409).end('{"commands":["lock"]}');
    if (fault === "reset") return void response.socket?.destroy();
    if (fault === "503") return void response.writeHead(503).end("{}");
    if (fault === "409") return void response.writeHead(409).end('{"commands":["lock"]}');
    const wait = fault === "slow" ? 700 : this.delay;
    if (wait > 0) await new Promise((done) => setTimeout(done, wait));
    const problem = this.#append(document, bytes);
    if (problem) {
      document.broken = problem;
      return void response.writeHead(409).end('{"commands":["lock"]}');
    }
    this.#notify();
    const body = JSON.stringify({
      document: document.id.toString("hex"), durable_sequence: document.durable, lease_ms: 5000,
      commands: this.documents.includes(document) ? this.commands.splice(0) : [], banner: this.banner, hosts: [`127.0.0.1:${this.port}`, ...this.hosts],
    });
    const mac = fault === "wrong mac" ? randomBytes(16) : document.mac("ack:", body);
    response.writeHead(200, { "Content-Type": "application/json", "X-Chaperone-Mac": mac.toString("base64url") });
    response.end(body);
  }

  #append(document: RecordedDocument, bytes: Buffer): string | null {
    const before = bytes.subarray(0, bytes.length - 16);
    if (bytes.subarray(0, 4).toString() !== "CHB1") return "magic";
    if (!document.mac("batch:", before).equals(bytes.subarray(bytes.length - 16))) return "mac";
    const sequence = bytes.readUInt32BE(22);
    const known = document.batches[sequence];
    if (known) return known.bytes.equals(bytes) ? null : "other bytes under the same sequence";
    const flags = bytes[27] ?? 0;
    if (sequence !== document.batches.length) {
      // A tail may overtake the batch before it.
      if (!(flags & 4)) return `gap: ${sequence} after ${document.durable}`;
      document.early.set(sequence, bytes);
      return null;
    }
    const last = document.batches.at(-1)?.bytes;
    const previous = last ? last.subarray(last.length - 16) : Buffer.alloc(16);
    if (!previous.equals(bytes.subarray(42, 58))) return "chain";
    const codec = bytes[26] ?? 0;
    const body = before.subarray(58);
    if (body.length !== bytes.readUInt32BE(38)) return "length";
    const entries = JSON.parse((codec === 1 ? gunzipSync(body) : body).toString("utf8")) as [string, unknown][];
    if (entries.length !== bytes.readUInt16BE(36)) return "count";
    if (sequence === 0 && (entries[0]?.[1] as { type?: string })?.type !== "hello") return "no hello";
    document.batches.push({ sequence, epoch: bytes.readUInt16BE(20), flags, codec, bytes, entries });
    const next = document.early.get(sequence + 1);
    return next ? this.#append(document, next) : null;
  }
}
