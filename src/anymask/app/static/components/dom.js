/** Make elements in one expression. */

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * An element; `on...` are listeners, booleans set or leave out an attribute, `class` and others are
 * attributes.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Record<string, unknown>} [attributes] @param {Child[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  set(element, attributes);
  element.append(...children.filter(isNode));
  return element;
}

/** @param {Child} child @returns {child is Node | string} */
const isNode = (child) => child !== null && child !== undefined && child !== false;

/** Set what differs, so that nothing is styled anew for nothing. @param {Element} element @param {Record<string, unknown>} attributes */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function")
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (value === false || value === null || value === undefined) element.removeAttribute(name);
    else {
      const text = value === true ? "" : String(value);
      if (element.getAttribute(name) !== text) element.setAttribute(name, text);
    }
  }
}

/** Give an element a text, if it has another one. @param {Element} element @param {string} text */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Replace what is in an element. @param {Element} element @param {Child[]} children */
export function fill(element, ...children) {
  element.replaceChildren(...children.filter(isNode));
}

/** Offer a file for saving. @param {{name: string, blob: Blob}} file */
export function download({ name, blob }) {
  const href = URL.createObjectURL(blob);
  h("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
