/** Who is signed in here, and the way out. */
import { t } from "../language.js";
import { reasonOf } from "../storage/errors.js";
import { ServerStorage } from "../storage/on-server.js";
import { openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { peopleDialog } from "./people-dialog.js";
import { ROLE_NAMES } from "./role-names.js";
import { notify } from "./toast.js";

/** @typedef {import("./app.js").App} App */

/** A button with the name of the person signed in; none where nobody has to sign in. @param {App} app */
export function accountButton(app) {
  const name = app.author;
  if (!name) return null;
  const title = t("Signed in as {name}", { name });
  return h(
    "button",
    { class: "quiet account", title, "aria-label": title, onclick: () => accountDialog(app, name) },
    icon("person"),
    h("span", { class: "wide-only" }, name),
  );
}

/** @param {App} app @param {string} name */
function accountDialog(app, name) {
  const { storage } = app;
  const role = app.project.person?.role ?? "annotator";
  if (!(storage instanceof ServerStorage)) return;
  const dialog = openDialog(t("Your account"), [
    h("p", {}, t("You are signed in as {name}. Your role is {role}.", { name, role: ROLE_NAMES[role] })),
    h(
      "div",
      { class: "row end" },
      role === "admin" &&
        h(
          "button",
          {
            onclick: () => {
              dialog.close();
              peopleDialog(storage);
            },
          },
          t("People"),
        ),
      h("button", { class: "primary", onclick: () => signOut(app, storage) }, t("Sign out")),
    ),
  ]);
}

/** What is not saved yet waits in this browser until the same person signs in. @param {App} app @param {ServerStorage} storage */
async function signOut(app, storage) {
  try {
    await app.sync.flush();
    await storage.signOut();
    location.reload();
  } catch (error) {
    notify(t("You could not be signed out: {reason}.", { reason: reasonOf(error) }));
  }
}
