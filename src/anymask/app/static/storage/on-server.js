/** Project, images and masks kept by the server: the client of its HTTP API. */
import { t } from "../language.js";
import { CancelledError, ConflictError, OfflineError, RefusedError } from "./errors.js";
import { EXPORT_FORMATS } from "./export-formats.js";

/** @typedef {import("../types.js").Mask} Mask */
/** @typedef {import("../types.js").Label} Label */
/** @typedef {import("../types.js").ImageInfo} ImageInfo */
/** @typedef {import("../types.js").Project} Project */
/** @typedef {import("../types.js").Person} Person */
/** @typedef {import("../types.js").Agreement} Agreement */
/** @typedef {import("../types.js").ProjectSummary} ProjectSummary */
/** @typedef {{size: [number, number], counts: string, score: number, label_id: string | null}} Found */
/** @typedef {{image: string, masks: Found[], error?: string | null}} ImageFound */
/** @typedef {{image: string, masks: {size: [number, number], counts: string, score: number}[]}} SuggestedMasks */
/** @typedef {{search?: string, show?: string, tag?: string, assignee?: string, sort?: "name" | "queue"}} Choice which images: by a part of their name, by their state; and in which order */
/**
 * @typedef {{suggestions?: boolean, images?: boolean, every?: boolean, polygons?: boolean, maxLoss?: number}} ExportOptions
 *   suggestions that nobody has accepted yet, image files, images that have no masks and are not done, polygons
 *   everywhere, and what those may lose of IoU
 */
/**
 * @typedef {{images: number, masks: number, known: number, skipped: string[],
 *   left_out?: {name: string, kind: string, count: number}[]}} Imported `left_out`: what no mask was made of
 */
/**
 * @typedef {{id: string, state: string, done: number, total: number, error?: string | null, model?: string | null,
 *   result?: ImageFound[] | null}} Job
 */

const SECONDS = 30;

export class ServerStorage {
  /** The server can search other images for similar objects. */
  findsSimilar = true;
  /** The server keeps comments and reviews. */
  reviews = true;
  /** The server makes tiles of large images. */
  tiles = true;
  /** The server can search an image for what words name. */
  findsWords = true;
  /** Formats of exports. */
  formats = EXPORT_FORMATS;

  /** @param {string} base address of the server, with a slash at the end */
  constructor(base = document.baseURI) {
    this.base = base;
  }

  /** @param {string} path @param {RequestInit} [options] @returns {Promise<Response>} */
  async request(path, options = {}) {
    let answer;
    try {
      answer = await fetch(new URL(path, this.base), {
        credentials: "same-origin",
        signal: AbortSignal.timeout(SECONDS * 1000),
        ...options,
      });
    } catch (error) {
      throw new OfflineError(undefined, { cause: error });
    }
    if (answer.ok) return answer;
    const body = await answer.json().catch(() => ({}));
    if (answer.status === 409 && body.current) throw new ConflictError(body.current);
    if (answer.status >= 502) throw new OfflineError(body.error);
    throw new RefusedError(
      body.error ?? t("the server responded with status {status}", { status: answer.status }),
      answer.status,
    );
  }

  /** @param {string} path @param {RequestInit} [options] */
  async json(path, options) {
    return (await this.request(path, options)).json();
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} body
   * @param {Record<string, string>} [headers]
   */
  send(method, path, body, headers = {}) {
    const json = { "Content-Type": "application/json", ...headers };
    return this.json(path, { method, headers: json, body: JSON.stringify(body) });
  }

  /** Start a session with a token, which the server keeps in a cookie. @param {string} token */
  async signIn(token) {
    const body = JSON.stringify({ token });
    await this.request("api/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body,
    });
  }

  /** End the session. */
  async signOut() {
    await this.request("api/session", { method: "DELETE" });
  }

  /** The projects of a server of several, and whether they open by tokens only. @returns {Promise<{projects: ProjectSummary[], token: boolean}>} */
  projects() {
    return this.json("api/projects");
  }

  /** All users; for admins, like what changes them. @returns {Promise<Person[]>} */
  async people() {
    return (await this.json("api/people")).people;
  }

  /** @param {Person} person @returns {Promise<string>} the token, which nobody can ask for again */
  async addPerson(person) {
    return (await this.send("POST", "api/people", person)).token;
  }

  /** @param {string} name @param {Person["role"]} role */
  async setRole(name, role) {
    await this.send("PATCH", `api/people/${encodeURIComponent(name)}`, { role });
  }

  /** Revoke the token of a user. @param {string} name */
  async removePerson(name) {
    await this.request(`api/people/${encodeURIComponent(name)}`, { method: "DELETE" });
  }

  /** @returns {Promise<Project>} */
  project() {
    return this.json("api/project");
  }

  /** @param {Label[]} labels */
  async saveLabels(labels) {
    await this.send("PUT", "api/labels", { labels });
  }

  /**
   * @param {string | null} [after]
   * @param {number} [limit]
   * @param {Choice} [choice]
   * @returns {Promise<{images: ImageInfo[], next: string | null}>}
   */
  images(after = null, limit = 60, choice = {}) {
    const query = new URLSearchParams({ limit: String(limit), ...choice });
    if (after) query.set("after", after);
    return this.json(`api/images?${query}`);
  }

  /**
   * Mark an image as done, or remove it from the project; the server keeps its file and its masks.
   * @param {string} id
   * @param {import("../types.js").Marks} mark
   * @returns {Promise<ImageInfo>}
   */
  mark(id, mark) {
    return this.send("PATCH", imagePath(id), mark);
  }

  /** @param {string} id @returns {Promise<import("../types.js").Comment[]>} */
  async comments(id) {
    return (await this.json(`${imagePath(id)}/comments`)).comments;
  }

  /** @param {string} id @param {string} comment @param {{text: string, mask_id: string | null}} body */
  saveComment(id, comment, body) {
    return this.send("PUT", `${imagePath(id)}/comments/${comment}`, body);
  }

  /** @param {string} id @param {string} comment @param {boolean} resolved */
  resolveComment(id, comment, resolved) {
    return this.send("PATCH", `${imagePath(id)}/comments/${comment}`, { resolved });
  }

  /** Give a copy of an image to a second person; for reviewers. @param {string} id @param {string} assignee */
  giveCopy(id, assignee) {
    return this.send("POST", `${imagePath(id)}/copies`, { assignee });
  }

  /** All copies compared with their images; for reviewers. @returns {Promise<Agreement>} */
  agreement() {
    return this.json("api/agreement");
  }

  /** @param {string} id @returns {Promise<ImageInfo>} */
  image(id) {
    return this.json(imagePath(id));
  }

  /** @param {File} file @returns {Promise<void>} */
  async addImage(file) {
    const form = new FormData();
    form.append("files", file, file.name);
    await this.json("api/images", {
      method: "POST",
      body: form,
      signal: AbortSignal.timeout(10 * SECONDS * 1000),
    });
  }

  /** The address of a photo that comes with anymask. @param {string} name */
  sample(name) {
    return new URL(`api/samples/${name}`, this.base).href;
  }

  /** @param {string} name @returns {Promise<File>} */
  async sampleFile(name) {
    return new File([await (await this.request(`api/samples/${name}`)).blob()], name);
  }

  /** @param {string} id @returns {Promise<Blob>} */
  async file(id) {
    return (await this.request(`${imagePath(id)}/file`)).blob();
  }

  /** How many bands of an image can be chosen from; 0 for photos. @param {string} id @returns {Promise<number>} */
  async bands(id) {
    return (await this.json(`${imagePath(id)}/bands`)).bands;
  }

  /** The image in some of its bands. @param {string} id @param {string} bands such as "4,3,2" @returns {Promise<Blob>} */
  async fileInBands(id, bands) {
    return (await this.request(`${imagePath(id)}/file?bands=${encodeURIComponent(bands)}`)).blob();
  }

  /** A tile of a large image. @param {string} id @param {import("../geometry/tiles.js").Tile} tile @returns {Promise<Blob>} */
  async tile(id, { level, column, row }) {
    return (await this.request(`${imagePath(id)}/tiles/${level}/${column}/${row}`)).blob();
  }

  /** Where regions of an image are, as models see them. @param {string} id */
  regions(id) {
    return new URL(`${imagePath(id)}/region`, this.base).href;
  }

  /** @param {ImageInfo} image @returns {Promise<string>} */
  async thumb(image) {
    return new URL(`${imagePath(image.id)}/thumb`, this.base).href;
  }

  /** @param {string} id @param {string} model @returns {Promise<ArrayBuffer>} */
  async embedding(id, model) {
    const signal = AbortSignal.timeout(10 * SECONDS * 1000);
    const answer = await this.request(`${imagePath(id)}/embedding/${encodeURIComponent(model)}`, { signal });
    return answer.arrayBuffer();
  }

  /** @param {string} id @returns {Promise<Mask[]>} */
  async masks(id) {
    return (await this.json(`${imagePath(id)}/masks`)).masks;
  }

  /**
   * Store a mask over the revision it names; gives what is stored.
   * @param {string} id
   * @param {Mask} mask
   * @returns {Promise<{revision: number}>}
   */
  saveMask(id, { revision, ...mask }) {
    const path = `${imagePath(id)}/masks/${encodeURIComponent(mask.id)}`;
    const match = { "If-Match": String(revision) };
    return mask.deleted
      ? this.json(path, { method: "DELETE", headers: match })
      : this.send("PUT", path, mask, match);
  }

  /**
   * Search an image for what phrases name.
   * @param {string} id
   * @param {string[]} phrases
   * @returns {Promise<import("../state/words.js").Finds>}
   */
  findWords(id, phrases) {
    return this.send("POST", `${imagePath(id)}/find`, { phrases });
  }

  /**
   * Everything in an image, found by the server's model, which takes a tenth of the page's time.
   * @param {string} id
   * @param {{model: string, side: number | null}} how points along each side; null for the model's own number
   * @param {(share: number) => void} step gets the share that is done @param {AbortSignal} signal cancels
   * @returns {Promise<(Found & {stability?: number | null})[]>}
   */
  async everything(id, { model, side }, step, signal) {
    const settings = side === null ? { model } : { model, points_per_side: side };
    const job = await this.send("POST", `${imagePath(id)}/automatic`, settings);
    const stop = () => this.cancel(job.id).catch(() => {}); // it may have ended
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    const { result } = await this.follow(job.id, ({ done, total }) => step(total ? done / total : 0));
    signal.removeEventListener("abort", stop);
    return result?.[0]?.masks ?? [];
  }

  /**
   * Search other images for objects like those of masks.
   * @param {string} id
   * @param {string[]} masks
   * @param {string[]} images
   * @returns {Promise<{id: string}>}
   */
  findSimilar(id, masks, images) {
    return this.send("POST", "api/like", { examples: [{ image: id, masks }], images });
  }

  /**
   * Store the suggestions of a search, in the place of those of an earlier search with the same example.
   * @param {string} example id of its mask
   * @param {{label_id: string | null, model: string | null, images: SuggestedMasks[]}} found
   * @returns {Promise<{images: number, masks: number}>}
   */
  suggest(example, found) {
    return this.send("PUT", `api/suggestions/${encodeURIComponent(example)}`, found);
  }

  /** Follow masks through the images around theirs. @param {string} id @param {import("../types.js").Tracking} asked @returns {Promise<{id: string}>} */
  track(id, asked) {
    return this.send("POST", `${imagePath(id)}/track`, asked);
  }

  /** Withdraw all suggestions of the project. @returns {Promise<{masks: number}>} */
  withdrawSuggestions() {
    return this.json("api/suggestions", { method: "DELETE" });
  }

  /**
   * Follow a job to its end; the answer has its result, which events have not.
   * @param {string} job
   * @param {(job: Job) => void} step
   * @returns {Promise<Job>}
   */
  follow(job, step) {
    const events = new EventSource(new URL(`api/jobs/${encodeURIComponent(job)}/events`, this.base));
    return new Promise((resolve, reject) => {
      const read = (/** @type {MessageEvent} */ event) => JSON.parse(event.data);
      const end = (/** @type {(value: any) => void} */ then) => (/** @type {MessageEvent} */ event) => {
        events.close();
        then(read(event));
      };
      events.addEventListener("progress", (event) => step(read(event)));
      events.addEventListener(
        "done",
        end(() => resolve(this.json(`api/jobs/${encodeURIComponent(job)}`))),
      );
      events.addEventListener(
        "cancelled",
        end(() => reject(new CancelledError())),
      );
      events.addEventListener(
        "failed",
        end((value) => reject(new RefusedError(value.error ?? t("the job failed"), 500))),
      );
      events.onerror = () => {
        if (events.readyState === EventSource.CLOSED) reject(new OfflineError());
      };
    });
  }

  /** @param {string} job */
  async cancel(job) {
    await this.request(`api/jobs/${encodeURIComponent(job)}`, { method: "DELETE" });
  }

  /**
   * All masks as one file.
   * @param {string} format
   * @param {ExportOptions} options
   * @returns {Promise<{name: string, blob: Blob, skipped: number}>} skipped: images left out, see its report
   */
  async exported(
    format,
    { suggestions = false, images = false, every = false, polygons = false, maxLoss = 0 },
  ) {
    const patient = { signal: AbortSignal.timeout(10 * SECONDS * 1000) };
    const query = Object.entries({ format, suggestions, images, every, polygons, max_loss: maxLoss });
    const asked = new URLSearchParams(query.map(([name, value]) => [name, String(value)]));
    const answer = await this.request(`api/export?${asked}`, patient);
    const skipped = Number(answer.headers.get("anymask-skipped") ?? 0);
    return { name: `anymask-${format}.zip`, blob: await answer.blob(), skipped };
  }

  /**
   * Read masks from an annotation file or an archive of such files.
   * @param {File} file
   * @param {string} [format] "" to detect it
   * @returns {Promise<Imported>}
   */
  async importMasks(file, format = "") {
    const body = new FormData();
    body.append("file", file, file.name);
    return this.json(`api/import${format && `?format=${format}`}`, {
      method: "POST",
      body,
      signal: AbortSignal.timeout(10 * SECONDS * 1000),
    });
  }
}

/** @param {string} id */
const imagePath = (id) => `api/images/${encodeURIComponent(id)}`;
