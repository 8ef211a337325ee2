/**
 * The public API as an outside program would call it: by token, to the loopback address, with the host that
 * Chaperone is known by in the `Host` header (Node does not resolve names under `localhost`, browsers do).
 */
import { request } from "node:http";

export interface Answer<T = unknown> {
  status: number;
  body: T;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
}

export interface List<T> {
  items: T[];
  next: string | null;
}

export class Api {
  readonly #console: URL;
  readonly #token: string;

  constructor(consoleUrl: string, token: string) {
    this.#console = new URL(consoleUrl);
    this.#token = token;
  }

  /** Calls and fails on anything but success. */
  async get<T>(path: string): Promise<T> {
    const { status, body } = await this.call<T>("GET", path);
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  /** Calls and fails on anything but success. */
  async post<T>(path: string, content: unknown): Promise<T> {
    const { status, body } = await this.call<T>("POST", path, content);
    if (status >= 300) throw new Error(`POST ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  /** Calls and answers whatever came. */
  async call<T = Problem>(method: string, path: string, content?: unknown): Promise<Answer<T>> {
    const { status, text } = await this.download(path, method, content);
    return { status, body: (text.length > 0 ? JSON.parse(text.toString("utf8")) : null) as T };
  }

  /** Calls and answers the bytes. */
  async download(path: string, method = "GET", content?: unknown): Promise<{ status: number; type: string; text: Buffer }> {
    const payload = content === undefined ? undefined : Buffer.from(JSON.stringify(content));
    return await new Promise((resolve, reject) => {
      const call = request(
        {
          host: "127.0.0.1",
          port: this.#console.port,
          method,
          path: `/api/v1${path}`,
          headers: {
            Host: this.#console.host,
            Authorization: `Bearer ${this.#token}`,
            ...(payload ? { "Content-Type": "application/json", "Content-Length": payload.length } : {}),
          },
        },
        (answer) => {
          const parts: Buffer[] = [];
          answer.on("data", (part: Buffer) => parts.push(part));
          answer.once("error", reject);
          answer.once("end", () =>
            resolve({
              status: answer.statusCode ?? 0,
              type: answer.headers["content-type"] ?? "",
              text: Buffer.concat(parts),
            }),
          );
        },
      );
      call.once("error", reject);
      call.end(payload);
    });
  }
}
