/** What can go wrong between the app and where it keeps masks. */

/** Another revision came between: `current` is the one stored now. */
export class ConflictError extends Error {
  /** @param {import("../types.js").Mask} current */
  constructor(current) {
    super("another revision of this mask was saved meanwhile");
    this.current = current;
  }
}

/** Nobody answers: the same request may be sent again later. */
export class OfflineError extends Error {}

/** The server answered with a sentence for the user. */
export class RefusedError extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}
