/** Retraining of the project's model on a server, and its versions. */

/** @typedef {import("./on-server.js").ServerStorage} ServerStorage */
/** @typedef {{name: string, images: number, masks: number, scores: Record<string, Record<string, number>>}} Version */
/**
 * @typedef {{state: "none" | "running" | "stopped" | "failed" | "done", done: number, total: number,
 *   error: string | null, result: {version: string | null} | null, in_use: string, versions: Version[]}} Retraining
 */

const PATH = "api/retraining";

/** How far the last retraining is. @param {ServerStorage} server @returns {Promise<Retraining>} */
export const retraining = (server) => server.json(PATH);

/** Start a retraining, or resume one. @param {ServerStorage} server @returns {Promise<Retraining>} */
export const startRetraining = (server) => server.json(PATH, { method: "POST" });

/** @param {ServerStorage} server @returns {Promise<Retraining>} */
export const stopRetraining = (server) => server.json(PATH, { method: "DELETE" });

/** @param {ServerStorage} server @param {string} name @returns {Promise<Retraining>} */
export const useVersion = (server, name) => server.send("PUT", `${PATH}/version`, { name });
