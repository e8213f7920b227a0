/** Ask for the token that the server demands. */
import { t } from "../language.js";
import { openDialog } from "./dialog.js";
import { h } from "./dom.js";

/**
 * @param {import("../storage/on-server.js").ServerStorage} storage
 * @returns {Promise<void>} when it was right
 */
export function signInDialog(storage) {
  return new Promise((resolve) => {
    const token = h("input", {
      type: "password",
      autocomplete: "current-password",
      required: true,
      id: "token",
      name: "token",
    });
    const problem = h("p", { class: "problem", role: "alert" });
    const form = h(
      "form",
      {
        class: "stack",
        async onsubmit(/** @type {Event} */ event) {
          event.preventDefault();
          try {
            await storage.signIn(token.value);
            dialog.close();
            resolve();
          } catch (error) {
            problem.textContent = error instanceof Error ? error.message : String(error);
          }
        },
      },
      h("label", { for: "token" }, t("Token")),
      token,
      problem,
      h("button", { class: "primary" }, t("Sign in")),
    );
    const dialog = openDialog(
      t("Sign in"),
      [h("p", {}, t("This project requires an access token. Ask an admin for one.")), form],
      { must: true },
    );
  });
}
