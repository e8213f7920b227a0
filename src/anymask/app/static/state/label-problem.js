/** What keeps labels from being saved. */
import { t } from "../language.js";

/** @typedef {import("../types.js").Label} Label */

/** A sentence about the first label that cannot be saved, or null. @param {Label[]} labels @returns {string | null} */
export function labelProblem(labels) {
  const names = labels.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) return t("Two labels have the name “{twice}”. Change one of them.", { twice });
  return labels.map(attributeProblem).find((problem) => problem !== null) ?? null;
}

/** @param {Label} label @returns {string | null} */
function attributeProblem({ name: label, attributes = [] }) {
  if (attributes.some(({ name }) => !name))
    return t("An attribute of “{label}” has no name. Name it or remove it.", { label });
  const empty = attributes.find(({ kind, choices }) => kind === "choice" && !choices.length);
  return empty
    ? t("The attribute “{name}” of “{label}” has no choices. Enter them, separated by commas.", {
        name: empty.name,
        label,
      })
    : null;
}
