/**
 * Tryton: a real business application that we did not write (Debian's `tryton-server` with its web client
 * `tryton-sao`), on SQLite in a temporary folder on a free port.
 *
 * Two things are not obvious. `trytond-admin` fills a database and does not make one, so the empty file has to
 * be there first. And the server itself serves the web client when `[web] root` points to it.
 */
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Program, freePort } from "./program.ts";

const WEB_CLIENT = "/usr/share/tryton-sao/www";
const DATABASE = "erp";
/** Filling the database takes some seconds; ten times that is a machine that is busy with something else. */
const FILL_LIMIT_MS = 120_000;
const READY_LIMIT_MS = 30_000;

export interface Tryton {
  /** What the gateway forwards to. */
  upstream: string;
  database: string;
  user: string;
  password: string;
  /** Asks the server itself, past the gateway, what it holds. */
  search(model: string, domain: unknown[], fields: string[]): Promise<Record<string, unknown>[]>;
  /** The end of what its server wrote. */
  output(): string;
  stop(): Promise<void>;
}

export async function startTryton(): Promise<Tryton> {
  const folder = await mkdtemp(join(tmpdir(), "chaperone-tryton-"));
  const password = "Quarterly-Accounts-26";
  const port = await freePort();
  const config = join(folder, "trytond.conf");
  await writeFile(
    config,
    [
      "[web]",
      `listen = 127.0.0.1:${port}`,
      `root = ${WEB_CLIENT}`,
      "[database]",
      "uri = sqlite://",
      `path = ${folder}`,
      "[session]",
      "timeout = 86400",
      "",
    ].join("\n"),
  );
  await writeFile(join(folder, "password"), `${password}\n`);
  await (await open(join(folder, `${DATABASE}.sqlite`), "w")).close();

  const fill = new Program(
    "trytond-admin",
    ["-c", config, "-d", DATABASE, "-u", "party", "--activate-dependencies", "--email", "admin@example.com", "--password"],
    { cwd: folder, env: { TRYTONPASSFILE: join(folder, "password") } },
  );
  await fill.finished(FILL_LIMIT_MS);

  const server = new Program("trytond", ["-c", config, "-d", DATABASE], { cwd: folder });
  const upstream = `http://127.0.0.1:${port}`;
  await server.ready(async () => {
    try {
      return (await fetch(`${upstream}/`)).ok;
    } catch {
      return false;
    }
  }, READY_LIMIT_MS);

  const call = async (method: string, params: unknown[], session?: string): Promise<unknown> => {
    const answer = await fetch(`${upstream}/${DATABASE}/`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        ...(session ? { Authorization: `Session ${Buffer.from(session).toString("base64")}` } : {}),
      },
      body: JSON.stringify({ id: 1, method, params }),
    });
    const { result, error } = (await answer.json()) as { result?: unknown; error?: unknown };
    if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result;
  };

  return {
    upstream,
    database: DATABASE,
    user: "admin",
    password,
    async search(model, domain, fields) {
      const [userId, key] = (await call("common.db.login", ["admin", { password }, "en"])) as [number, string];
      const rows = await call(
        `model.${model}.search_read`,
        [domain, 0, 1000, null, fields, {}],
        `admin:${userId}:${key}`,
      );
      return rows as Record<string, unknown>[];
    },
    output: () => server.output,
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
