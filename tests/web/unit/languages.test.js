/** Every text of the page is translated into every language, and none stands in the code untranslated. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import test from "node:test";
import { Linter } from "eslint";
import {
  LANGUAGES,
  counted,
  decimal,
  languageOf,
  speak,
  t,
} from "../../../src/anymask/app/static/language.js";

const STATIC = new URL("../../../src/anymask/app/static/", import.meta.url);
const CODES = Object.keys(LANGUAGES).filter((code) => code !== "en");
/** Attributes whose values people read or hear. */
const READ = ["aria-label", "aria-description", "title", "placeholder", "alt"];
/** Functions that show their first argument. */
const SHOW = ["notify", "openDialog", "confirmDialog"];
/** What is the same in all languages: names, numbers, keys. */
const PLAIN = new Set(["anymask", "Enter", "W", "Delete", "px"]);

/** What a literal or a template says. */
const textOf = ({ type, value, quasis }) =>
  type === "Literal"
    ? value
    : type === "TemplateLiteral"
      ? quasis.map((one) => one.value.cooked).join("")
      : "";
const isText = (node) =>
  typeof textOf(node) === "string" && /\p{L}{2}/u.test(textOf(node)) && !PLAIN.has(textOf(node).trim());

/** The nodes that an expression may give: both sides of a choice. */
function* given(node) {
  if (node.type === "ConditionalExpression") yield* [...given(node.consequent), ...given(node.alternate)];
  else if (node.type === "LogicalExpression") yield* [...given(node.left), ...given(node.right)];
  else yield node;
}

/** Report keys of translations and texts that are shown as they stand in the code. */
const rule = {
  create: (context) => {
    const shown = (node) => {
      for (const one of given(node))
        if (isText(one)) context.report({ node: one, message: `bare ${textOf(one)}` });
    };
    const key = (node, text) => context.report({ node, message: `key ${text}` });
    return {
      CallExpression(node) {
        const { callee, arguments: [first, second, third, ...rest] } = node; // prettier-ignore
        if (callee.name === "t")
          for (const one of given(first))
            if (one.type === "Literal") key(node, one.value);
            else context.report({ node, message: "bare key" });
        if (callee.name === "counted")
          key(node, `{n} ${second.value}|{n} ${third?.value ?? `${second.value}s`}`);
        if (SHOW.includes(callee.name)) shown(first);
        if (callee.name === "h") for (const one of [third, ...rest].filter(Boolean)) shown(one);
      },
      Property({ key: { name, value }, value: given }) {
        if (READ.includes(name ?? value)) shown(given);
      },
    };
  },
};

/** @returns {{keys: Set<string>, bare: string[]}} */
function read() {
  const files = readdirSync(STATIC, { recursive: true }).filter(
    (name) => name.endsWith(".js") && !/vendor|language\.js/.test(name),
  );
  const config = { plugins: { page: { rules: { texts: rule } } }, rules: { "page/texts": "error" } };
  const found = files.flatMap((name) =>
    new Linter()
      .verify(readFileSync(new URL(name, STATIC), "utf8"), config)
      .map(({ message, line }) => ({ message, where: `${name}:${line}` })),
  );
  const of = (kind) => found.filter(({ message }) => message.startsWith(kind));
  return {
    keys: new Set(of("key ").map(({ message }) => message.slice(4))),
    bare: of("bare ").map(({ message, where }) => `${where} ${message.slice(5)}`),
  };
}

const { keys, bare } = read();
const file = (code) => JSON.parse(readFileSync(new URL(`languages/${code}.json`, STATIC), "utf8"));
const named = (text) => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();

test("no text stands in the code untranslated", () => {
  assert.ok(keys.size > 300);
  assert.deepEqual(bare, []);
});

for (const code of CODES)
  test(`every text is translated into ${LANGUAGES[code]}, and no other`, () => {
    const { "": about, ...texts } = file(code);
    assert.match(about, /machine-drafted/);
    assert.deepEqual(
      [...keys].filter((one) => !texts[one]),
      [],
    );
    assert.deepEqual(
      Object.keys(texts).filter((one) => !keys.has(one)),
      [],
    );
    for (const [text, translated] of Object.entries(texts)) {
      const forms = text.includes("{n}") ? translated.split("|") : [translated];
      const wanted = named(text.split("|")[0]);
      for (const form of forms) assert.deepEqual(named(form), wanted, text);
    }
  });

test("numbers have the forms of the language, and values stand in their places", () => {
  assert.equal(counted(1, "mask"), "1 mask");
  assert.equal(counted(2345, "mask"), "2,345 masks");
  assert.equal(t("Role of {name}", { name: "{name}" }), "Role of {name}");
  speak("fr", { "{n} mask|{n} masks": "{n} masque|{n} masques", "Role of {name}": "Rôle de {name}" });
  assert.equal(counted(0, "mask"), "0 masque");
  assert.equal(counted(2, "mask"), "2 masques");
  assert.equal(t("Role of {name}", { name: "Eve" }), "Rôle de Eve");
  assert.equal(t("not there"), "not there");
  speak("ja", { "{n} mask|{n} masks": "マスク {n} 件" });
  assert.equal(counted(1, "mask"), "マスク 1 件");
  speak("en", {});
});

test("the first language wanted that there is", () => {
  assert.equal(languageOf(["", "pt-BR", "de-AT", "fr"]), "de");
  assert.equal(languageOf(["zh-Hant-TW"]), "zh");
  assert.equal(languageOf(["", "constructor"]), "en");
});

test("styles name the start and the end of a line, not left and right", () => {
  const physical = /^\s*((margin|padding|border)-)?(left|right):|text-align: (left|right)|float:/m;
  const names = readdirSync(new URL("styles/", STATIC));
  const found = names.map(
    (name) => readFileSync(new URL(`styles/${name}`, STATIC), "utf8").match(physical)?.[0],
  );
  assert.deepEqual(found.filter(Boolean), []);
});

test("decimals are written as in the language", async () => {
  const written = [];
  for (const code of ["en", "de"]) {
    speak(code, {});
    written.push(decimal(0.888, 2));
  }
  speak("en", {});
  assert.deepEqual(written, ["0.89", "0,89"]);
});
