/** A sentence at the bottom of the screen. */
import { h } from "./dom.js";

const SHOWN = 6000;
const SHOWN_WITH_ACTIONS = 10_000; // long enough to read and to decide

/** @param {string} sentence @param {{actions?: [string, () => unknown][]}} [options] */
export function notify(sentence, { actions = [] } = {}) {
  const place =
    document.querySelector(".toasts") ??
    document.body.appendChild(h("div", { class: "toasts", role: "status", "aria-live": "polite" }));
  for (const old of [...place.children].slice(0, -2)) old.remove();
  if ([...place.children].some((one) => one.firstChild?.textContent === sentence)) return;
  const toast = h("div", { class: "toast" }, h("span", {}, sentence));
  const close = () => toast.remove();
  for (const [text, act] of actions)
    toast.append(
      h(
        "button",
        {
          class: "quiet",
          onclick: () => {
            close();
            act();
          },
        },
        text,
      ),
    );
  toast.classList.toggle("offer", actions.length > 0);
  place.append(toast);
  setTimeout(close, actions.length ? SHOWN_WITH_ACTIONS : SHOWN);
}

/** Take away what was offered on the page that is left. */
export function endOffers() {
  for (const toast of document.querySelectorAll(".toast.offer")) toast.remove();
}
