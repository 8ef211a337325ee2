/** A real mail server (aiosmtpd), the same as in the tests of the executable; it refuses whoever is called `refused`. */
import { fileURLToPath } from "node:url";

import { Program } from "./program.ts";

const SCRIPT = fileURLToPath(new URL("../../../crates/chaperone/tests/support/mail_server.py", import.meta.url));
/** It starts in a second. */
const READY_LIMIT_MS = 30_000;

export class MailServer {
  private constructor(readonly program: Program) {}

  /** Listens on this port of this machine. */
  static async start(port: number): Promise<MailServer> {
    const python = process.env["CHAPERONE_TEST_PYTHON"];
    if (python === undefined) throw new Error("CHAPERONE_TEST_PYTHON names no Python; run `cargo xtask test --only e2e`");
    // It ends when its standard input does.
    const program = new Program(python, [SCRIPT, "--port", String(port)], { stdin: "pipe" });
    await program.line(READY_LIMIT_MS);
    return new MailServer(program);
  }

  /** What was taken, oldest first: to whom, and the mail's text. */
  get taken(): { to: string; text: string }[] {
    const said = this.program.output.split("\n").filter((line) => line.startsWith("{"));
    return said.map((line) => JSON.parse(line) as { to?: string; text?: string }).flatMap(({ to, text }) => (to !== undefined && text !== undefined ? [{ to, text }] : []));
  }

  async stop(): Promise<void> {
    await this.program.stop();
  }
}
