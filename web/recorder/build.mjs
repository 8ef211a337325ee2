// Builds `dist/recorder.js`: one classic script that declares nothing global.
import { build } from "esbuild";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

await build({
  entryPoints: [here("src/index.ts")],
  outfile: here("dist/recorder.js"),
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  banner: { js: "/* Chaperone recorder. Apache-2.0; parts under MIT: rrweb, dom-accessibility-api, finder, noble-hashes. */" },
  logLevel: "warning",
});
