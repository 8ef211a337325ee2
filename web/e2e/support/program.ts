/** Starting a program beside a test, waiting until it is ready, and stopping it with all that it started. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createServer } from "node:net";

/** How long a program may take to stop before it is killed. */
const STOP_GRACE_MS = 10_000;
/** What is kept of a program's output for a failed test. */
const OUTPUT_KEPT_CHARACTERS = 64 * 1024;

export class Program {
  /** The end of what it wrote to standard output and standard error. */
  output = "";
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #lines: ((line: string) => void)[] = [];

  constructor(file: string, args: string[], options: { cwd?: string; env?: Record<string, string>; stdin?: "pipe" } = {}) {
    this.#child = spawn(file, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: [options.stdin ?? "ignore", "pipe", "pipe"],
      detached: true,
    });
    let unfinished = "";
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#keep(text);
      const lines = (unfinished + text).split("\n");
      unfinished = lines.pop() ?? "";
      for (const line of lines) for (const listener of this.#lines) listener(line);
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => this.#keep(text));
    this.#ended = new Promise((resolve) => {
      this.#child.once("exit", () => resolve());
      this.#child.once("error", (error) => {
        this.#keep(`cannot start ${file}: ${error.message}\n`);
        resolve();
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The next line of standard output; fails when the program ends first or says nothing in time. */
  async line(limitMs: number): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const next = new Promise<string>((resolve) => this.#lines.push(resolve));
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no line after ${limitMs} ms:\n${this.output}`)), limitMs);
    });
    const gone = this.#ended.then(() => {
      throw new Error(`it ended before it was ready:\n${this.output}`);
    });
    try {
      return await Promise.race([next, late, gone]);
    } finally {
      clearTimeout(timer);
      this.#lines = [];
      gone.catch(() => undefined);
    }
  }

  /** Waits until `ready` answers true; fails when the program ends first or is not ready in time. */
  async ready(ready: () => Promise<boolean>, limitMs: number): Promise<void> {
    const deadline = Date.now() + limitMs;
    while (!(await ready())) {
      if (!this.running) throw new Error(`it ended before it was ready:\n${this.output}`);
      if (Date.now() > deadline) throw new Error(`not ready after ${limitMs} ms:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Waits until it has ended; fails when it does not in time or when it says that it failed. */
  async finished(limitMs: number): Promise<void> {
    const timer = setTimeout(() => this.signal("SIGKILL"), limitMs);
    await this.#ended;
    clearTimeout(timer);
    if (this.#child.exitCode !== 0) throw new Error(`it failed (${this.#child.exitCode}):\n${this.output}`);
  }

  /** Asks it to stop, kills it when it does not, and waits until it is gone. */
  async stop(): Promise<void> {
    if (!this.running) return;
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), STOP_GRACE_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  /** How large a file it may still write, in bytes: at 0 every disk is full. Needs a program that survives that. */
  limitFiles(bytes: number | "unlimited"): void {
    execFileSync("prlimit", ["--pid", String(this.pid), `--fsize=${bytes}:unlimited`]);
  }

  /** Sends a signal to the program and to all that it started. */
  signal(name: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, name);
    } catch {
      // It has ended by itself in between, which is what we wanted.
    }
  }

  #keep(text: string): void {
    this.output = (this.output + text).slice(-OUTPUT_KEPT_CHARACTERS);
  }
}

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
