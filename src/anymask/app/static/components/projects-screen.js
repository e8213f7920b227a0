/** The list of a server's projects: those that the visitor's tokens open. */
import { counted, t } from "../language.js";
import { reasonOf } from "../storage/errors.js";
import { ServerStorage } from "../storage/on-server.js";
import { fill, h } from "./dom.js";
import { languageField } from "./language-field.js";
import { ROLE_NAMES } from "./role-names.js";
import { signInDialog } from "./sign-in-dialog.js";
import { applyTheme } from "./theme.js";

/** @typedef {import("../types.js").ProjectSummary} ProjectSummary */

class ProjectsScreen extends HTMLElement {
  storage = new ServerStorage();

  async connectedCallback() {
    applyTheme();
    try {
      await this.show();
    } catch (error) {
      const again = h("button", { onclick: () => location.reload() }, t("Try again"));
      const sentence = t("The projects could not be listed: {reason}.", { reason: reasonOf(error) });
      fill(this, h("main", { class: "stack" }, h("p", { class: "problem", role: "alert" }, sentence), again));
    }
  }

  /** @returns {Promise<void>} */
  async show() {
    const { projects, token } = await this.storage.projects();
    if (!projects.length) {
      await signInDialog(this.storage);
      return this.show();
    }
    fill(
      this,
      h(
        "main",
        {},
        h(
          "div",
          { class: "lead" },
          h("h1", {}, t("Projects")),
          token && h("div", { class: "lead-side" }, ...this.account()),
        ),
        h("ul", { class: "grid", "aria-label": t("Projects") }, ...projects.map((one) => card(one, token))),
      ),
      languageField(),
    );
  }

  /** Another project's token opens that one too. */
  account() {
    const more = async () => {
      await signInDialog(this.storage);
      await this.show();
    };
    const out = async () => {
      await this.storage.signOut();
      location.reload();
    };
    return [h("button", { onclick: more }, t("Add a token")), h("button", { onclick: out }, t("Sign out"))];
  }
}

/** @param {ProjectSummary} project @param {boolean} token */
function card({ name, person, role, images, done, masks, suggestions }, token) {
  const facts = [
    counted(images, "image"),
    counted(masks, "mask"),
    done ? t("{images} done", { images: counted(done, "image") }) : null,
    suggestions ? counted(suggestions, "suggestion") : null,
  ];
  return h(
    "li",
    {},
    h(
      "a",
      { class: "card", href: `p/${encodeURIComponent(name)}/` },
      h(
        "span",
        { class: "card-text" },
        h("span", { class: "name" }, name),
        h("span", { class: "facts" }, facts.filter(Boolean).join(" · ")),
        token && h("span", { class: "facts" }, `${person}, ${ROLE_NAMES[role]}`),
      ),
    ),
  );
}

customElements.define("am-projects", ProjectsScreen);
