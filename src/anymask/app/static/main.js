/** The way in: threads first, then the language, then the app. */
import { isolate } from "./cross-origin-isolation.js";
import { loadLanguage } from "./language.js";

if (await isolate()) {
  await loadLanguage();
  await import("./components/app.js");
}
