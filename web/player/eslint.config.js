import base from "../eslint.config.js";

const names = ["URL", "process", "Buffer", "setTimeout", "window", "document", "addEventListener", "location"];

export default [
  ...base,
  { files: ["**/*.mjs"], languageOptions: { globals: Object.fromEntries(names.map((name) => [name, "readonly"])) } },
];
