/** IndexedDB by promises. */

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
export const answered = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/**
 * Commit a transaction that has all its requests, now: a page that is reloaded takes with it what is not
 * committed.
 * @param {IDBTransaction} transaction @returns {Promise<void>}
 */
export const finished = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
    transaction.commit();
  });

/**
 * Open a database, made with stores by name and key path. Names are kept apart by the app's address, so that
 * two apps on one host do not share.
 * @param {string} name @param {Record<string, string | string[]>} stores
 * @returns {Promise<IDBDatabase>}
 */
export function openDatabase(name, stores) {
  const request = indexedDB.open(`anymask ${name} ${new URL(".", document.baseURI).pathname}`, 1);
  request.onupgradeneeded = () => {
    for (const [store, keyPath] of Object.entries(stores))
      request.result.createObjectStore(store, { keyPath });
  };
  return answered(request);
}
