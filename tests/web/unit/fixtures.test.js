/** The cases that Python answers too (tests/unit/test_fixtures.py), without a browser. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import test from "node:test";
import { answer } from "../twins.js";

const FOLDER = new URL("../../fixtures/", import.meta.url);

for (const name of readdirSync(FOLDER).filter((name) => name.endsWith(".json"))) {
  const cases = JSON.parse(readFileSync(new URL(name, FOLDER), "utf-8"));
  test(`${name} has the answers of Python`, () => {
    assert.ok(cases.length > 0);
    const answers = answer(name.replace(".json", ""), cases);
    // as JSON: there is no -0 in it
    assert.deepEqual(
      JSON.parse(JSON.stringify(answers)),
      cases.map((one) => one.answer),
    );
  });
}
