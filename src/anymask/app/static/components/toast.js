/** A sentence at the bottom of the screen. */
import { h } from "./dom.js";

const SHOWN = 6000;

/** @param {string} sentence @param {{action?: string, act?: () => void}} [options] */
export function notify(sentence, { action, act } = {}) {
  const place =
    document.querySelector(".toasts") ??
    document.body.appendChild(h("div", { class: "toasts", role: "status", "aria-live": "polite" }));
  for (const old of [...place.children].slice(0, -2)) old.remove();
  if ([...place.children].some((one) => one.firstChild?.textContent === sentence)) return;
  const toast = h("div", { class: "toast" }, h("span", {}, sentence));
  const close = () => toast.remove();
  if (action)
    toast.append(
      h(
        "button",
        {
          class: "quiet",
          onclick: () => {
            close();
            act?.();
          },
        },
        action,
      ),
    );
  place.append(toast);
  setTimeout(close, SHOWN);
}
