/** Threads need a page of its own origin: where the host does not say so, a service worker does. */

const KEY = "anymask isolation";

/**
 * Make sure of threads where that is possible.
 * @returns {Promise<boolean>} false while the page loads again
 */
export async function isolate() {
  if (crossOriginIsolated || document.documentElement.dataset.store !== "local" || !navigator.serviceWorker)
    return true;
  if (sessionStorage.getItem(KEY)) return true; // tried before, without success: one thread will do
  sessionStorage.setItem(KEY, "tried");
  try {
    await navigator.serviceWorker.register(new URL("service-worker.js", document.baseURI));
    await navigator.serviceWorker.ready;
  } catch {
    return true;
  }
  location.reload();
  return false;
}
