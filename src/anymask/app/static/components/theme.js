/** Light, dark, or as the system is. */
import { t } from "../language.js";

const KEY = "anymask theme";
const THEMES = ["auto", "light", "dark"];
/** @type {Record<string, string>} */
const NAMES = {
  auto: t("Theme: as the system"),
  light: t("Theme: light"),
  dark: t("Theme: dark"),
};

/** @param {string} [theme] */
export function applyTheme(theme = localStorage.getItem(KEY) ?? "auto") {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem(KEY, theme);
}

/** Go to the next theme and say which it is. */
export function nextTheme() {
  const now = document.documentElement.dataset.theme ?? "auto";
  const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
  applyTheme(next);
  return NAMES[next];
}
