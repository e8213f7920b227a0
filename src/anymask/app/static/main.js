/** The way in: threads first, then the app. */
import { isolate } from "./cross-origin-isolation.js";

if (await isolate()) await import("./components/app.js");
