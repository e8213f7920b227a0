/** The users of the project, for administrators: add, give a role, revoke. */
import { PERSON_LENGTH, ROLES } from "../constants.js";
import { reasonOf } from "../storage/errors.js";
import { confirmDialog, openDialog } from "./dialog.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {import("../types.js").Person} Person */
/** @typedef {import("../storage/on-server.js").ServerStorage} ServerStorage */

/** @param {ServerStorage} storage */
export function peopleDialog(storage) {
  const list = h("ul", { class: "plain stack", "aria-label": "People" });
  const problem = h("p", { class: "problem", role: "alert" });
  const made = h("div", { class: "stack", role: "status" });
  /** Do something, say what went wrong, and show who is there now. @param {() => Promise<unknown>} work */
  const attempt = async (work) => {
    problem.textContent = "";
    try {
      await work();
      fill(list, ...rows(await storage.people(), storage, attempt));
    } catch (error) {
      problem.textContent = `That did not work: ${reasonOf(error)}.`;
    }
  };
  const add = (/** @type {Person} */ person) =>
    attempt(async () => fill(made, ...tokenOf(person, await storage.addPerson(person))));
  openDialog("People", [list, problem, made, addForm(add)]);
  attempt(async () => {});
}

/** @param {Person[]} people @param {ServerStorage} storage @param {(work: () => Promise<unknown>) => unknown} attempt */
function rows(people, storage, attempt) {
  if (!people.length) return [h("li", { class: "note" }, "Nobody has a token of their own yet.")];
  return people.map(({ name, role }) => {
    const roles = roleSelect(`Role of ${name}`, role);
    roles.addEventListener("change", () => attempt(() => storage.setRole(name, chosen(roles))));
    const revoke = async () => {
      const sentence = "They are signed out everywhere. Their masks stay.";
      if (await confirmDialog(`Revoke the token of ${name}?`, sentence, "Revoke"))
        await attempt(() => storage.removePerson(name));
    };
    const title = `Revoke the token of ${name}`;
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
  const roles = roleSelect("Role of the new person", "annotator");
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
    h("label", { for: "new-person" }, "Name"),
    name,
    roles,
    h("button", { class: "primary" }, "Add"),
  );
}

/** The token of a new user, to pass on now. @param {Person} person @param {string} token */
function tokenOf({ name }, token) {
  const field = h("input", { type: "text", id: "new-token", readonly: true, value: token });
  field.addEventListener("focus", () => field.select());
  return [
    h("label", { for: "new-token" }, `Give this token to ${name} now. It is shown only once.`),
    h(
      "div",
      { class: "row" },
      field,
      h("button", { type: "button", onclick: () => navigator.clipboard?.writeText(token) }, "Copy"),
    ),
  ];
}

/** @param {string} label @param {Person["role"]} role */
const roleSelect = (label, role) =>
  h(
    "select",
    { "aria-label": label },
    ...ROLES.map((one) => h("option", { value: one, selected: one === role }, one)),
  );

/** @param {HTMLSelectElement} select */
const chosen = ({ value }) => /** @type {Person["role"]} */ (value);
