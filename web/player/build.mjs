// Builds the replay frame: `dist/index.html`, `dist/player.js`, `dist/player.css`. Nothing in the page is inline, so
// that a strict policy needs no exception for scripts.
import { build } from "esbuild";
import { copyFile, mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

await mkdir(here("dist"), { recursive: true });
await build({
  entryPoints: { player: here("src/index.ts") },
  outdir: here("dist"),
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  banner: { js: "/* Chaperone player. Apache-2.0; parts under MIT: rrweb. */" },
  logLevel: "warning",
});
await copyFile(here("src/index.html"), here("dist/index.html"));
