/** The executable under test: `chaperone demo` with a folder and a port of its own for each story. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type TestInfo, test as base } from "@playwright/test";

import { Api } from "./api.ts";
import { Program } from "./program.ts";

/** Making the demo's data takes a second or two; ten times that is a machine that is busy. */
const READY_LIMIT_MS = 60_000;

export interface DemoUser {
  user_name: string;
  password: string;
  roles: string[];
  api_token: string;
}

/** The line that `chaperone demo --json` prints when it is ready. */
interface Ready {
  console_url: string;
  target_url: string;
  users: DemoUser[];
}

export class Chaperone {
  readonly consoleUrl: string;
  readonly targetUrl: string;
  readonly users: DemoUser[];
  readonly program: Program;
  readonly dataDir: string;

  private constructor(ready: Ready, program: Program, dataDir: string) {
    this.consoleUrl = ready.console_url.replace(/\/$/, "");
    this.targetUrl = ready.target_url.replace(/\/$/, "");
    this.users = ready.users;
    this.program = program;
    this.dataDir = dataDir;
  }

  /** `before` is what starts the executable, if it is not started directly. */
  static async start(more: string[] = [], before: string[] = []): Promise<Chaperone> {
    const executable = process.env["CHAPERONE_BIN"];
    if (executable === undefined) throw new Error("CHAPERONE_BIN names no executable; run `cargo xtask test --only e2e`");
    const dataDir = await mkdtemp(join(tmpdir(), "chaperone-e2e-"));
    const command = [...before, executable, "demo", "--json", "--listen", "127.0.0.1:0", "--data-dir", dataDir, ...more];
    const program = new Program(command[0] ?? executable, command.slice(1));
    try {
      return new Chaperone(JSON.parse(await program.line(READY_LIMIT_MS)) as Ready, program, dataDir);
    } catch (error) {
      await program.stop();
      await rm(dataDir, { recursive: true, force: true });
      throw error;
    }
  }

  /** The system administrators, in the order in which the demo made them. */
  get administrators(): [DemoUser, DemoUser] {
    const [first, second] = this.users.filter((user) => user.roles.includes("system_administrator"));
    if (!first || !second) throw new Error("the demo has two system administrators");
    return [first, second];
  }

  get auditor(): DemoUser {
    return this.#only((user) => user.roles.includes("auditor"), "an auditor");
  }

  /** Whoever is nothing but a user: the demo's privileged user. */
  get privilegedUser(): DemoUser {
    return this.#only((user) => user.roles.every((role) => role === "user"), "a privileged user");
  }

  api(user: DemoUser): Api {
    return new Api(this.consoleUrl, user.api_token);
  }

  async stop(): Promise<void> {
    await this.program.stop();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  #only(is: (user: DemoUser) => boolean, what: string): DemoUser {
    const user = this.users.find(is);
    if (!user) throw new Error(`the demo has ${what}`);
    return user;
  }
}

/** Lends a running Chaperone to a test; what it wrote to the terminal is attached when the story fails. */
export async function lend(chaperone: Chaperone, use: (chaperone: Chaperone) => Promise<void>, info: TestInfo): Promise<void> {
  await use(chaperone);
  await chaperone.stop();
  if (info.status !== info.expectedStatus) {
    await info.attach("chaperone's output", { body: chaperone.program.output, contentType: "text/plain" });
  }
}

/** A test with a running Chaperone. */
export const test = base.extend<{ chaperone: Chaperone; chaperoneArguments: string[]; fragile: Chaperone; browsersClosed: undefined }>({
  // The browsers of a story end with it. Left open, their pages would call a server that is gone, again and again,
  // beside every later story of the same worker.
  browsersClosed: [
    async ({ browser }, use) => {
      await use(undefined);
      for (const context of browser.contexts()) await context.close();
    },
    { auto: true },
  ],
  chaperoneArguments: [[], { option: true }],
  chaperone: async ({ chaperoneArguments }, use, info) => await lend(await Chaperone.start(chaperoneArguments), use, info),
  // One whose disk can be filled: the signal that the system sends with that would end it, as a full disk does not.
  // eslint-disable-next-line no-empty-pattern -- Playwright reads the names of fixtures from the pattern
  fragile: async ({}, use, info) => await lend(await Chaperone.start([], ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""]), use, info),
});

export { expect } from "@playwright/test";
