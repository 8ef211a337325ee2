// Bundles the TypeScript tests of one kind with esbuild and runs them with Node's own test runner.
import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const [kind = "unit", only = ""] = process.argv.slice(2);
const here = fileURLToPath(new URL(".", import.meta.url));
const root = join(here, "..");
const entries =
  kind === "vectors"
    ? [join(here, "make-vectors.ts")]
    : readdirSync(join(here, kind))
        .filter((name) => name.endsWith(".test.ts") && name.includes(only))
        .map((name) => join(here, kind, name));
// Inside the workspace, so that packages left outside the bundle are found.
const out = mkdtempSync(join(root, ".test-"));
try {
  await build({
    entryPoints: entries,
    outdir: out,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    outExtension: { ".js": ".mjs" },
    external: ["playwright-core", "ws", "esbuild"],
    define: { "import.meta.recorderRoot": JSON.stringify(root) },
    logLevel: "warning",
  });
  const files = readdirSync(out).map((name) => join(out, name));
  const args = kind === "vectors" ? files : ["--test", "--test-timeout=120000", "--test-reporter=spec", ...files];
  const ran = spawnSync(process.execPath, args, { stdio: "inherit", cwd: root });
  process.exitCode = ran.status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
