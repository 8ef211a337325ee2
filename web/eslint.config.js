// Lints of every web workspace; a workspace with more to say has an `eslint.config.js` of its own that begins
// with this one.
import js from "@eslint/js";
import ts from "typescript-eslint";

export default ts.config(
  { ignores: ["**/dist/", "**/node_modules/", "**/schema.ts", "**/test-results/", "**/playwright-report/"] },
  js.configs.recommended,
  ...ts.configs.strict,
  {
    rules: {
      "no-console": "error",
      eqeqeq: ["error", "always"],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
    },
  },
);
