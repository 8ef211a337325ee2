// Builds `dist/recorder.js`: one classic script that declares nothing global.
import { build } from "esbuild";
import { rrwebTrim } from "./rrweb-trim.mjs";
import { minify } from "terser";
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const BANNER = "/* Chaperone recorder. Apache-2.0; parts under MIT: rrweb, dom-accessibility-api, finder, noble-hashes. */\n";

const bundled = await build({
  entryPoints: [here("src/index.ts")],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  plugins: [rrwebTrim],
  write: false,
  logLevel: "warning",
});
// A second pass saves another 3 % as packed.
const { code } = await minify(bundled.outputFiles[0].text, {
  ecma: 2020,
  compress: { passes: 3, unsafe_arrows: true },
  mangle: true,
});
await mkdir(here("dist"), { recursive: true });
await writeFile(here("dist/recorder.js"), BANNER + code + "\n");
