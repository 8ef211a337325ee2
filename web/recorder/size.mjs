// The size gate: the recorder stands in front of every page, so its weight is a promise.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT_BYTES = 35 * 1024;

const script = readFileSync(new URL("dist/recorder.js", import.meta.url));
const packed = gzipSync(script, { level: 9 }).length;
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
process.stdout.write(`recorder: ${kib(script.length)}, gzip ${kib(packed)} (limit ${kib(LIMIT_BYTES)})\n`);
if (packed > LIMIT_BYTES) {
  process.stderr.write("recorder: too large\n");
  process.exit(1);
}
