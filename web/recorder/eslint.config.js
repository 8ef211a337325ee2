import base from "../eslint.config.js";

export default [
  { ignores: [".test-*/"] },
  ...base,
  { files: ["**/*.mjs"], languageOptions: { globals: { URL: "readonly", process: "readonly" } } },
];
