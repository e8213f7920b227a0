/**
 * The rows of a long list, the newest first, in groups: a group is made when it comes near the part in sight, so
 * that a list of thousands costs as much as what is seen of it.
 */
import { h, set } from "./dom.js";

const ROWS = 50; // of a group
const HEIGHT = 44; // pixels of a row, as in `.masks` of editor.css
const NEAR = "400px"; // from the part in sight to where groups are made

/** @typedef {{element: HTMLElement, ids: string[], made: boolean}} Group */

export class RowGroups {
  /**
   * @param {HTMLElement} list @param {(id: string) => HTMLElement} make a row that is up to date
   * @param {AbortSignal} signal
   */
  constructor(list, make, signal) {
    this.list = list;
    this.makeRow = make;
    /** The newest first. @type {Group[]} */
    this.groups = [];
    /** @type {Map<string, Group>} */
    this.groupOf = new Map();
    /** @type {Map<string, HTMLElement>} */
    this.rows = new Map();
    /** @type {(id: string) => boolean} */
    this.wanted = () => true;
    this.near = new IntersectionObserver((entries) => this.approach(entries), {
      root: list,
      rootMargin: `${NEAR} 0px`,
    });
    signal.addEventListener("abort", () => this.near.disconnect());
  }

  /** The row of an id, if it is made. @param {string} id */
  get(id) {
    return this.rows.get(id);
  }

  /** The row of an id, made now if need be. @param {string} id */
  make(id) {
    const group = this.groupOf.get(id);
    if (group) this.makeGroup(group);
    return this.rows.get(id);
  }

  /** Put an id before all others; its row comes with the next `filter`. @param {string} id */
  add(id) {
    let [group] = this.groups;
    if (!group || group.ids.length >= ROWS) group = this.begin();
    group.ids.unshift(id);
    this.groupOf.set(id, group);
    if (group.made) this.insert(group, id);
  }

  /** A new first group. @returns {Group} */
  begin() {
    const group = { element: h("div", { class: "group" }), ids: [], made: false };
    this.list.prepend(group.element);
    this.groups.unshift(group);
    this.near.observe(group.element);
    return group;
  }

  /** @param {Group} group @param {string} id its first */
  insert(group, id) {
    const row = this.makeRow(id);
    this.rows.set(id, row);
    group.element.prepend(row);
  }

  /** @param {string} id */
  remove(id) {
    const group = this.groupOf.get(id);
    if (!group) return;
    group.ids.splice(group.ids.indexOf(id), 1);
    this.groupOf.delete(id);
    this.rows.get(id)?.remove();
    this.rows.delete(id);
    if (group.ids.length) return;
    this.near.unobserve(group.element);
    group.element.remove();
    this.groups.splice(this.groups.indexOf(group), 1);
  }

  /** Show the rows of some ids only; the first group is made at once. @param {(id: string) => boolean} wanted */
  filter(wanted) {
    this.wanted = wanted;
    if (this.groups.length && !this.groups[0].made) this.makeGroup(this.groups[0]);
    else this.arrange();
  }

  /** Hide the rows that are not wanted, tell the others their places, keep the room of rows not made. */
  arrange() {
    let place = 0;
    const total = this.groups.reduce((sum, { ids }) => sum + ids.filter(this.wanted).length, 0);
    for (const { element, ids, made } of this.groups) {
      const before = place;
      for (const id of ids) {
        const row = this.rows.get(id);
        const isWanted = this.wanted(id);
        if (isWanted) place++;
        if (row) set(row, { hidden: !isWanted, "aria-posinset": place || 1, "aria-setsize": total });
      }
      const height = HEIGHT * (place - before);
      set(element, { hidden: height === 0 });
      element.style.containIntrinsicHeight = `auto ${height}px`;
      element.style.minHeight = made ? "" : `${height}px`;
    }
  }

  /** @param {IntersectionObserverEntry[]} entries */
  approach(entries) {
    const near = new Set(entries.filter((one) => one.isIntersecting).map(({ target }) => target));
    for (const group of this.groups) if (near.has(group.element)) this.makeGroup(group);
  }

  /** @param {Group} group */
  makeGroup(group) {
    if (group.made) return;
    group.made = true;
    this.near.unobserve(group.element);
    for (const id of group.ids.toReversed()) this.insert(group, id);
    this.arrange();
  }
}
