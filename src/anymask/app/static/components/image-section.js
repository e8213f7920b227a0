/** About the open image: state, review, assignment, tags and comments. */
import { TEXT_LENGTH } from "../constants.js";
import { isAnnotator } from "../state/permissions.js";
import { reasonOf } from "../storage/errors.js";
import { commentList } from "./comment-list.js";
import { counted, fill, h } from "./dom.js";
import { notify } from "./toast.js";

/** @typedef {import("./editor-screen.js").EditorScreen} EditorScreen */
/** @typedef {import("../types.js").ImageInfo} ImageInfo */

/** What a state is called. @param {ImageInfo} info */
export const stateOf = ({ done, review }) =>
  review === "returned" ? "Returned" : review === "accepted" ? "Accepted" : done ? "Done" : "Not done";

/** Whether a user may accept and return images. @param {import("../types.js").Project} project */
export const reviews = ({ person }) => person !== undefined && !isAnnotator({ person });

/** @param {EditorScreen} screen @param {AbortSignal} signal */
export function imageSection(screen, signal) {
  const { app, openImage } = screen;
  const summary = h("summary", {});
  const review = h("div", { class: "row wrap" });
  const tags = tagField(screen);
  const assignee = assigneeField(screen);
  const draw = () => {
    const { info } = openImage;
    const open = info.comments ?? 0;
    summary.textContent = ["Image", stateOf(info), open ? counted(open, "comment") : null]
      .filter(Boolean)
      .join(" · ");
    fill(review, ...(reviews(app.project) && app.storage.reviews ? reviewButtons(screen) : []));
  };
  openImage.addEventListener("info", draw, { signal });
  draw();
  return h(
    "section",
    { class: "image-facts" },
    h(
      "details",
      { open: (openImage.info.comments ?? 0) > 0 },
      summary,
      h(
        "div",
        { class: "stack" },
        review,
        assignee,
        tags,
        app.storage.reviews && commentList(screen, signal),
      ),
    ),
  );
}

/** @param {EditorScreen} screen */
function reviewButtons(screen) {
  const { info } = screen.openImage;
  const button = (/** @type {"accepted" | "returned"} */ review, /** @type {string} */ text) =>
    h(
      "button",
      {
        class: "small",
        "aria-pressed": String(info.review === review),
        onclick: () => screen.mark({ review }),
      },
      text,
    );
  return [button("accepted", "Accept"), button("returned", "Return")];
}

/** @param {EditorScreen} screen */
function assigneeField(screen) {
  const { app, openImage } = screen;
  const { assignees = [], person } = app.project;
  const own = reviews(app.project) ? assignees : assignees.filter((name) => name === person?.name);
  const names = [...new Set([...own, ...(openImage.info.assignee ? [openImage.info.assignee] : [])])];
  if (!names.length) return null;
  const select = h(
    "select",
    { id: "assignee", onchange: () => screen.mark({ assignee: select.value }) },
    h("option", { value: "" }, "Nobody"),
    ...names.map((name) => h("option", { value: name, selected: name === openImage.info.assignee }, name)),
  );
  return h("div", { class: "field" }, h("label", { for: "assignee" }, "Assigned to"), select);
}

/** @param {EditorScreen} screen */
function tagField(screen) {
  const { app, openImage } = screen;
  const input = h("input", {
    type: "text",
    id: "tags",
    list: "known-tags",
    placeholder: "night, rain",
    maxlength: 10 * TEXT_LENGTH,
    value: (openImage.info.tags ?? []).join(", "),
    onchange: async () => {
      const tags = [...new Set(input.value.split(",").map((tag) => tag.trim()))].filter(Boolean);
      if (tags.some((tag) => tag.length > TEXT_LENGTH))
        return notify(`A tag has at most ${TEXT_LENGTH} letters.`);
      await screen.mark({ tags });
      input.value = (openImage.info.tags ?? []).join(", ");
    },
  });
  const known = (app.project.tags ?? []).map((tag) => h("option", { value: tag }));
  return h(
    "div",
    { class: "field" },
    h("label", { for: "tags" }, "Tags"),
    input,
    h("datalist", { id: "known-tags" }, ...known),
  );
}

/**
 * Mark an image, after what waits is saved: an image that is done takes no more changes of annotators.
 * @param {EditorScreen} screen @param {import("../types.js").Marks} mark
 */
export async function markImage({ app, openImage }, mark) {
  try {
    if (mark.done !== undefined || mark.review) await app.sync.flush();
    const info = await app.storage.mark(openImage.info.id, mark);
    Object.assign(openImage.info, info ?? mark);
  } catch (error) {
    notify(`The image could not be marked: ${reasonOf(error)}.`);
  }
  openImage.dispatchEvent(new Event("info"));
  app.changed();
}
