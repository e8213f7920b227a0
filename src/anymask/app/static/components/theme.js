/** Light, dark, or as the system is. */

const KEY = "anymask theme";
const THEMES = ["auto", "light", "dark"];

/** @param {string} [theme] */
export function applyTheme(theme = localStorage.getItem(KEY) ?? "auto") {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem(KEY, theme);
}

/** Go to the next theme and give its name. */
export function nextTheme() {
  const now = document.documentElement.dataset.theme ?? "auto";
  const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
  applyTheme(next);
  return next;
}
