/** What can go wrong between the app and where it keeps masks. */

/** Another revision came between: `current` is the one stored now. */
export class ConflictError extends Error {
  /** @param {import("../types.js").Mask} current */
  constructor(current) {
    super("another version of this mask was saved in the meantime");
    this.current = current;
  }
}

/** The server does not respond, or cannot do it now: the same request may be sent again later. */
export class OfflineError extends Error {
  /** @param {string} [sentence] what the server says, if it does @param {ErrorOptions} [options] */
  constructor(sentence, options) {
    super(sentence ?? "the server does not respond", options);
    this.sentence = sentence ?? null;
  }
}

/** The server refused, with a sentence for the user. */
export class RefusedError extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** A job was cancelled, by this page or by somebody else. */
export class CancelledError extends Error {
  constructor() {
    super("it was cancelled");
  }
}

/** What an error says, to stand in a sentence. @param {unknown} error */
export function reasonOf(error) {
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, "");
}
