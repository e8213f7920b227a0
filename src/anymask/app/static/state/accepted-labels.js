/** Who accepts what words found gets masks with these words as their label, which is made if there is none. */
import { t } from "../language.js";
import { PALETTE } from "../masks/colours.js";
import { isAnnotator } from "./permissions.js";
import { acceptedWords, labelNamed } from "./words.js";

/** @typedef {import("../components/app.js").App} App */
/** @typedef {import("./open-image.js").OpenImage} OpenImage */
/** @typedef {Pick<App, "project" | "storage" | "saveLabels">} Labelled */

/** Labels are made one after the other, so that none is made twice. @type {Promise<void>} */
let before = Promise.resolve();

/**
 * Label what a step accepted.
 * @param {Labelled} app @param {OpenImage} openImage @param {import("./undo-history.js").Change[]} changes
 * @param {(sentence: string) => void} tell called with what became of a label that was missing
 * @returns {Promise<boolean>} whether masks have labels now that had none
 */
export function labelAccepted(app, openImage, changes, tell) {
  const words = acceptedWords(changes);
  if (!words.size) return Promise.resolve(false);
  const done = before.then(async () => {
    await makeMissing(app, new Set(words.values()), tell);
    return giveLabels(app.project.labels, openImage, words);
  });
  before = done.then(() => {}).catch(() => {});
  return done;
}

/** @param {import("../types.js").Label[]} all @param {OpenImage} openImage @param {Map<string, string>} words by the ids of the masks */
function giveLabels(all, openImage, words) {
  const labels = new Map();
  for (const [id, named] of words) {
    const found = labelNamed(all, named);
    if (found) labels.set(id, found.id);
  }
  openImage.giveLabels(labels);
  return labels.size > 0;
}

/** Make the labels that are missing, or say why not. @param {Labelled} app @param {Set<string>} names @param {(sentence: string) => void} tell */
async function makeMissing(app, names, tell) {
  const missing = () => [...names].filter((name) => !labelNamed(app.project.labels, name));
  if (!missing().length) return;
  app.project = await app.storage.project().catch(() => app.project); // others make labels too
  const fresh = missing();
  if (!fresh.length) return;
  const words = fresh.join(", ");
  if (isAnnotator(app.project))
    return tell(
      t("No label is called “{words}”: accepted without one. Ask a reviewer to add it.", { words }),
    );
  const { labels } = app.project;
  const made = fresh.map((name, i) => ({
    id: crypto.randomUUID(),
    name,
    color: PALETTE[(labels.length + i) % PALETTE.length],
  }));
  const problem = await app.saveLabels([...labels, ...made]);
  tell(problem ?? t("New label: {words}", { words }));
}
