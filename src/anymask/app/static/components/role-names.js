/** What roles are called. */
import { t } from "../language.js";

/** @type {Record<import("../types.js").Person["role"], string>} */
export const ROLE_NAMES = { annotator: t("annotator"), reviewer: t("reviewer"), admin: t("admin") };
