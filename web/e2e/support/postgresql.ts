/** The PostgreSQL server that `cargo xtask test` lends: a directory of real roles, asked with `psql`. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";

const LIMIT_MS = 20_000;

export class Roles {
  private constructor(private readonly url: URL) {}

  /** null where no server is lent. */
  static lent(): Roles | null {
    const url = process.env["CHAPERONE_TEST_POSTGRES_URL"];
    return url === undefined ? null : new Roles(new URL(url));
  }

  get host(): string {
    return this.url.hostname;
  }

  get port(): string {
    return this.url.port;
  }

  get user(): string {
    return this.url.username;
  }

  /** A role that nobody else has, which may not sign in. */
  create(): string {
    const name = `erp_owner_${randomBytes(4).toString("hex")}`;
    this.#ask(`CREATE ROLE ${name} NOLOGIN`);
    return name;
  }

  maySignIn(role: string): boolean {
    return this.#ask(`SELECT rolcanlogin FROM pg_roles WHERE rolname = '${role}'`) === "t";
  }

  /** Until when the role is valid, in UTC; empty for ever. */
  validUntil(role: string): string {
    return this.#ask(`SET TIME ZONE 'UTC'; SELECT COALESCE(rolvaliduntil::text, '') FROM pg_roles WHERE rolname = '${role}'`);
  }

  /** Somebody changes the role beside Chaperone. */
  allowSignIn(role: string): void {
    this.#ask(`ALTER ROLE ${role} LOGIN`);
  }

  drop(role: string): void {
    this.#ask(`DROP ROLE IF EXISTS ${role}`);
  }

  #ask(sql: string): string {
    const answer = execFileSync("psql", [this.url.href, "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--command", sql], { encoding: "utf8", timeout: LIMIT_MS });
    return answer.trim();
  }
}
