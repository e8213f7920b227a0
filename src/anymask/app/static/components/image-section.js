/** About the open image: state, review, assignment, tags and comments. */
import { counted, t } from "../language.js";
import { TEXT_LENGTH } from "../constants.js";
import { isAnnotator } from "../state/permissions.js";
import { reasonOf } from "../storage/errors.js";
import { ServerStorage } from "../storage/on-server.js";
import { commentList } from "./comment-list.js";
import { fill, h } from "./dom.js";
import { notify } from "./toast.js";

/** @typedef {import("./editor-screen.js").EditorScreen} EditorScreen */
/** @typedef {import("../types.js").ImageInfo} ImageInfo */

/** What a state is called. @param {ImageInfo} info */
export const stateOf = ({ done, review }) =>
  review === "returned"
    ? t("Returned")
    : review === "accepted"
      ? t("Accepted")
      : done
        ? t("Done")
        : t("Not done");

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
    summary.textContent = [t("Image"), stateOf(info), open ? counted(open, "comment") : null]
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
        copyField(screen),
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
  return [button("accepted", t("Accept")), button("returned", t("Return"))];
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
    h("option", { value: "" }, t("Nobody")),
    ...names.map((name) => h("option", { value: name, selected: name === openImage.info.assignee }, name)),
  );
  return h("div", { class: "field" }, h("label", { for: "assignee" }, t("Assigned to")), select);
}

/** Give the image to a second person too, so that their masks can be compared. @param {EditorScreen} screen */
function copyField({ app, openImage }) {
  const { storage, project } = app;
  const { assignees = [] } = project;
  if (!(storage instanceof ServerStorage) || !reviews(project) || !assignees.length) return null;
  const give = async () => {
    const name = select.value;
    select.value = "";
    try {
      await app.sync.flush();
      await storage.giveCopy(openImage.info.id, name);
      app.changed();
      notify(t("{name} has a copy of this image now.", { name }));
    } catch (error) {
      notify(t("The copy could not be given: {reason}.", { reason: reasonOf(error) }));
    }
  };
  const select = h(
    "select",
    { id: "give-copy", onchange: give },
    h("option", { value: "" }, t("Choose a person")),
    ...assignees.map((name) => h("option", { value: name }, name)),
  );
  return h("div", { class: "field" }, h("label", { for: "give-copy" }, t("Give a copy to")), select);
}

/** @param {EditorScreen} screen */
function tagField(screen) {
  const { app, openImage } = screen;
  const input = h("input", {
    type: "text",
    id: "tags",
    list: "known-tags",
    placeholder: t("night, rain"),
    maxlength: 10 * TEXT_LENGTH,
    value: (openImage.info.tags ?? []).join(", "),
    onchange: async () => {
      const tags = [...new Set(input.value.split(",").map((tag) => tag.trim()))].filter(Boolean);
      if (tags.some((tag) => tag.length > TEXT_LENGTH))
        return notify(t("A tag has at most {TEXT_LENGTH} letters.", { TEXT_LENGTH }));
      await screen.mark({ tags });
      input.value = (openImage.info.tags ?? []).join(", ");
    },
  });
  const known = (app.project.tags ?? []).map((tag) => h("option", { value: tag }));
  return h(
    "div",
    { class: "field" },
    h("label", { for: "tags" }, t("Tags")),
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
    notify(t("The image could not be marked: {reason}.", { reason: reasonOf(error) }));
  }
  openImage.dispatchEvent(new Event("info"));
  app.changed();
}
