/** The users of the project, for administrators: add, give a role, revoke. */
import { t } from "../language.js";
import { ROLE_NAMES } from "./role-names.js";
import { PERSON_LENGTH, ROLES } from "../constants.js";
import { reasonOf } from "../storage/errors.js";
import { confirmDialog, openDialog } from "./dialog.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {import("../types.js").Person} Person */
/** @typedef {import("../storage/on-server.js").ServerStorage} ServerStorage */

/** @param {ServerStorage} storage */
export function peopleDialog(storage) {
  const list = h("ul", { class: "plain stack", "aria-label": t("People") });
  const problem = h("p", { class: "problem", role: "alert" });
  const made = h("div", { class: "stack", role: "status" });
  /** Do something, say what went wrong, and show who is there now. @param {() => Promise<unknown>} work */
  const attempt = async (work) => {
    problem.textContent = "";
    try {
      await work();
      fill(list, ...rows(await storage.people(), storage, attempt));
    } catch (error) {
      problem.textContent = t("That did not work: {reason}.", { reason: reasonOf(error) });
    }
  };
  const add = (/** @type {Person} */ person) =>
    attempt(async () => fill(made, ...tokenOf(person, await storage.addPerson(person))));
  openDialog(t("People"), [list, problem, made, addForm(add)]);
  attempt(async () => {});
}

/** @param {Person[]} people @param {ServerStorage} storage @param {(work: () => Promise<unknown>) => unknown} attempt */
function rows(people, storage, attempt) {
  if (!people.length) return [h("li", { class: "note" }, t("Nobody has a token of their own yet."))];
  return people.map(({ name, role }) => {
    const roles = roleSelect(t("Role of {name}", { name }), role);
    roles.addEventListener("change", () => attempt(() => storage.setRole(name, chosen(roles))));
    const revoke = async () => {
      const sentence = t("They are signed out everywhere. Their masks stay.");
      if (await confirmDialog(t("Revoke the token of {name}?", { name }), sentence, t("Revoke")))
        await attempt(() => storage.removePerson(name));
    };
    const title = t("Revoke the token of {name}", { name });
    return h(
      "li",
      { class: "row" },
      h("span", {}, name),
      h("span", { class: "spacer" }),
      roles,
      h("button", { class: "icon-button", "aria-label": title, title, onclick: revoke }, icon("trash")),
    );
  });
}

/** @param {(person: Person) => Promise<void>} add */
function addForm(add) {
  const name = h("input", { type: "text", id: "new-person", required: true, maxlength: PERSON_LENGTH });
  const roles = roleSelect(t("Role of the new person"), "annotator");
  return h(
    "form",
    {
      class: "row wrap",
      async onsubmit(/** @type {Event} */ event) {
        event.preventDefault();
        await add({ name: name.value.trim(), role: chosen(roles) });
        name.value = "";
      },
    },
    h("label", { for: "new-person" }, t("Name")),
    name,
    roles,
    h("button", { class: "primary" }, t("Add")),
  );
}

/** The token of a new user, to pass on now. @param {Person} person @param {string} token */
function tokenOf({ name }, token) {
  const field = h("input", { type: "text", id: "new-token", readonly: true, value: token });
  field.addEventListener("focus", () => field.select());
  return [
    h("label", { for: "new-token" }, t("Give this token to {name} now. It is shown only once.", { name })),
    h(
      "div",
      { class: "row" },
      field,
      h("button", { type: "button", onclick: () => navigator.clipboard?.writeText(token) }, t("Copy")),
    ),
  ];
}

/** @param {string} label @param {Person["role"]} role */
const roleSelect = (label, role) =>
  h(
    "select",
    { "aria-label": label },
    ...ROLES.map((one) =>
      h("option", { value: one, selected: one === role }, ROLE_NAMES[/** @type {Person["role"]} */ (one)]),
    ),
  );

/** @param {HTMLSelectElement} select */
const chosen = ({ value }) => /** @type {Person["role"]} */ (value);
