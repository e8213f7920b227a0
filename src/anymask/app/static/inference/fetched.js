/** Files of models from the server, or from beside the page. */

/** A file that is there; the error has the server's sentence where it gives one. @param {string} address */
export async function fetched(address) {
  const answer = await fetch(address);
  if (answer.ok) return answer;
  const { error } = await answer.json().catch(() => ({}));
  throw new Error(error ?? `${address} responded with status ${answer.status}`);
}
