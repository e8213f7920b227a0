/** The way into the list of projects: the language first. */
import { loadLanguage } from "./language.js";

await loadLanguage();
await import("./components/projects-screen.js");
