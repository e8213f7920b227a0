/**
 * The language of the page. English texts stand in the code; `languages/` has their translations, by the English
 * text. The language is loaded before the app, so that a text may be translated anywhere, at once.
 */

const KEY = "anymask language";
/** What languages call themselves. @type {Record<string, string>} */
export const LANGUAGES = {
  en: "English",
  de: "Deutsch",
  es: "Español",
  fr: "Français",
  ja: "日本語",
  zh: "中文",
};

let language = "en";
let plural = new Intl.PluralRules(language);
/** @type {Record<string, string>} */
let texts = {};

/** The language that was chosen here; "" for that of the browser. */
export const chosenLanguage = () => globalThis.localStorage?.getItem(KEY) ?? "";

/** Choose a language for the page as it is loaded next. @param {string} code "" for that of the browser */
export const chooseLanguage = (code) => localStorage.setItem(KEY, code);

/** The first of the wanted languages that there is. @param {readonly string[]} wanted such as "de-AT" */
export function languageOf(wanted) {
  const codes = wanted.map((one) => one.toLowerCase().split("-")[0]);
  return codes.find((code) => Object.hasOwn(LANGUAGES, code)) ?? "en";
}

/** Take the texts of the language that was chosen, or the browser's; without them the page is in English. */
export async function loadLanguage() {
  const code = languageOf([chosenLanguage(), ...navigator.languages]);
  if (code !== "en") {
    try {
      const answer = await fetch(new URL(`languages/${code}.json`, import.meta.url));
      speak(code, await answer.json());
    } catch {
      return; // offline, or a file that a person broke
    }
  }
  document.documentElement.lang = code;
}

/** @param {string} code @param {Record<string, string>} translations by the English text */
export function speak(code, translations) {
  language = code;
  plural = new Intl.PluralRules(code);
  texts = translations;
}

/**
 * A text in the language of the page.
 * @param {string} text in English; `{name}` stands for a value
 * @param {Record<string, string | number>} [values]
 */
export const t = (text, values = {}) =>
  (texts[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));

/** A whole number as it is written in the language of the page. @param {number} value */
export const number = (value) => value.toLocaleString(language);

/** A number with decimals, as it is written in the language of the page. @param {number} value @param {number} digits */
export const decimal = (value, digits) =>
  value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/**
 * A number of things. In translations `{n} one|{n} many` has a form for each of the two, or one for all numbers.
 * @param {number} count @param {string} one in English @param {string} [many]
 */
export function counted(count, one, many = `${one}s`) {
  const forms = t(`{n} ${one}|{n} ${many}`).split("|");
  const form = plural.select(count) === "one" ? forms[0] : forms[forms.length - 1];
  return form.replace("{n}", number(count));
}
