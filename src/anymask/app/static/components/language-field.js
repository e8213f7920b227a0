/** The choice of the page's language. */
import { LANGUAGES, chooseLanguage, chosenLanguage, t } from "../language.js";
import { h } from "./dom.js";

/** Under the gallery; a choice loads the page anew. */
export function languageField() {
  const now = chosenLanguage();
  const select = h(
    "select",
    {
      id: "language",
      onchange: () => {
        chooseLanguage(select.value);
        location.reload();
      },
    },
    h("option", { value: "", selected: now === "" }, t("As the browser")),
    ...Object.entries(LANGUAGES).map(([code, name]) =>
      h("option", { value: code, lang: code, selected: code === now }, name),
    ),
  );
  return h("footer", { class: "row foot" }, h("label", { for: "language" }, t("Language")), select);
}
