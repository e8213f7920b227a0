/** A box "Find": every object that words name becomes a suggestion in the open image. */
import { counted, t } from "../language.js";
import { reasonOf } from "../storage/errors.js";
import { percents, phrasesIn, suggestFound } from "../state/words.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { notify } from "./toast.js";

/** @typedef {import("./editor-screen.js").EditorScreen} EditorScreen */
/** @typedef {import("../storage/on-server.js").ServerStorage} ServerStorage */

const LONGEST = 200;

/** @param {EditorScreen} screen */
export function findWordsSection(screen) {
  const labels = h("datalist", { id: "find-labels" });
  const suggest = () =>
    fill(labels, ...screen.app.project.labels.map(({ name }) => h("option", { value: name })));
  const input = h("input", {
    type: "search",
    "aria-label": t("Find objects by words"),
    placeholder: t("cup, car"),
    maxlength: LONGEST,
    onfocus: suggest,
  });
  input.setAttribute("list", "find-labels");
  const button = h("button", {}, icon("similar"), t("Find"));
  const progress = h("progress", { hidden: true, "aria-label": t("Search") });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const phrases = phrasesIn(input.value);
    if (!phrases.length || button.disabled) return;
    button.disabled = true;
    progress.hidden = screen.app.storage.findsWords;
    progress.removeAttribute("value"); // unknown while the text model loads
    await find(screen, phrases, (share) => (progress.value = share));
    progress.hidden = true;
    button.disabled = false;
  };
  return h(
    "section",
    {},
    h("form", { class: "row", role: "search", onsubmit: submit }, input, labels, button),
    progress,
  );
}

/** @param {EditorScreen} screen @param {string[]} phrases @param {(share: number) => void} step */
async function find({ app, editor, openImage, imageCanvas }, phrases, step) {
  if (openImage.refuses()) return;
  const words = phrases.join(", ");
  const { storage } = app;
  try {
    const found = storage.findsWords
      ? await /** @type {ServerStorage} */ (storage).findWords(openImage.info.id, phrases)
      : await editor.predictor.findWords(openImage.info, editor.file, phrases, step);
    const count = suggestFound(editor, phrases, found, app.project.labels);
    if (count) {
      notify(
        t("{suggestions} for “{words}”: Y accepts, R rejects.", {
          suggestions: counted(count, "suggestion"),
          words,
        }),
      );
      imageCanvas.focus(); // so that these keys work at once
    } else
      notify(
        found.masks.length
          ? t("All that was found has a mask or a suggestion already.")
          : nothingFound(words, percents(found)),
      );
  } catch (error) {
    notify(t("The search failed: {reason}.", { reason: reasonOf(error) }));
  }
}

/** @param {string} words @param {{best: number, least: number}} percent */
const nothingFound = (words, { best, least }) =>
  best > 0
    ? t("Nothing found for “{words}”. The most likely region reached {best} % ({least} % is needed).", {
        words,
        best,
        least,
      })
    : t("Nothing found for “{words}”: no region of this image looks like it.", { words });
