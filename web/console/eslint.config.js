import hooks from "eslint-plugin-react-hooks";

import base from "../eslint.config.js";

export default [
  ...base,
  hooks.configs.flat["recommended-latest"] ?? hooks.configs.flat.recommended,
  { ignores: ["src/api/schema.ts"] },
  {
    rules: {
      // `ui/` is a design system and knows nothing of the product; see README.md.
      "no-restricted-imports": "off",
    },
  },
  {
    files: ["src/ui/**"],
    rules: {
      "no-restricted-imports": ["error", { patterns: [{ group: ["**/api/*", "**/components/*", "**/pages/*", "**/paths", "**/can"], message: "ui/ knows nothing of the product" }] }],
    },
  },
];
