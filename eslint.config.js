/** Lint rules of the browser app, its tests and its benchmarks. */
import js from "@eslint/js";
import importX from "eslint-plugin-import-x";
import globals from "globals";

const STATIC = "src/anymask/app/static";

export default [
  { ignores: [`${STATIC}/vendor/`, "**/.venv/", "**/.venv-peers/", "build/", "dist/", "out/"] },
  js.configs.recommended,
  {
    plugins: { "import-x": importX },
    languageOptions: { ecmaVersion: 2024, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "import-x/no-cycle": "error",
      "import-x/no-unresolved": "error",
      "import-x/no-self-import": "error",
      "import-x/no-duplicates": "error",
      eqeqeq: "error",
      "max-lines": ["error", 400],
      "no-implicit-globals": "error",
      "no-unused-vars": ["error", { args: "none" }],
      "no-var": "error",
      "one-var": ["error", "never"],
      "prefer-const": "error",
    },
  },
  { files: [`${STATIC}/**/*.js`], languageOptions: { globals: { ...globals.browser, ...globals.worker } } },
  {
    files: ["tests/web/**/*.js", "benchmarks/**/*.js"],
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
  },
  { files: ["benchmarks/**/*.js"], rules: { "import-x/no-unresolved": "off" } }, // served beside the app's own files
];
