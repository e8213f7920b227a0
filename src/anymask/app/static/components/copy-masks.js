/** Copy masks to the next image, where they can be undone in one step. */
import { counted, t } from "../language.js";
import { chosen, copiesOf, paste } from "../state/editing.js";
import { imageAddress } from "../state/routes.js";

import { notify } from "./toast.js";

/** @typedef {import("./editor-screen.js").EditorScreen} EditorScreen */
/** @typedef {import("../state/open-image.js").Item} Item */

/** What is on its way to an image that opens next. @type {{image: string, items: Item[]} | null} */
let carried = null;

/** Take the marked masks and the selected one, or all, to the next image. @param {EditorScreen} screen */
export async function copyToNext({ app, editor, openImage }) {
  const some = chosen(editor);
  const items = some.length ? some : [...openImage.items.values()].filter((item) => !item.suggestedBy);
  if (!items.length) return notify(t("This image has no masks to copy."));
  const images = await app.allImages();
  const next = images[images.findIndex(({ id }) => id === openImage.info.id) + 1];
  if (!next) return notify(t("This is the last image."));
  const [h, w] = openImage.size;
  if (next.width !== w || next.height !== h)
    return notify(
      t("The masks were not copied: {name} has {width} × {height} pixels, this image {w} × {h}.", {
        name: next.name,
        width: next.width,
        height: next.height,
        w,
        h,
      }),
    );
  carried = { image: next.id, items: copiesOf(items) };
  location.hash = imageAddress(next.id);
}

/** Put down what was carried to this image. @param {EditorScreen} screen */
export function putDown({ editor, openImage }) {
  const found = carried;
  carried = null;
  if (found?.image !== openImage.info.id) return;
  const count = paste(editor, found.items);
  notify(
    count
      ? t("{masks} copied. Undo takes them back.", { masks: counted(count, "mask") })
      : t("This image has these masks already."),
  );
}
