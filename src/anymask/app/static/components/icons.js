/** Line icons on a grid of 24, drawn for this app. */

/** @type {Record<string, string>} */
const PATHS = {
  select: "M6 4l12 7.2-5.2 1.3 3 5.6-2.4 1.3-3-5.6L6.6 17z",
  point: "M12 3v4M12 17v4M3 12h4M17 12h4M12 12h.01M12 8.5a3.5 3.5 0 100 7 3.5 3.5 0 000-7z",
  box: "M5 5h14v14H5zM3.5 3.5h3v3h-3zM17.5 3.5h3v3h-3zM3.5 17.5h3v3h-3zM17.5 17.5h3v3h-3z",
  everything: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h6v6h-6z",
  brush:
    "M20 4c-4 1.5-8 5-10 8.5l1.8 1.8C15.300 12.200 18.500 8 20 4zM9 13.500c-2.500 0-3.500 1.500-3.700 3.500-.1 1.300-.8 2-1.800 2.500 3.500 1 7.500.2 7.500-3.500z",
  eraser:
    "M8.500 19.500h11M4.500 14.500l9-9a1.500 1.500 0 012.100 0l3.900 3.900a1.500 1.500 0 010 2.100l-8 8H8.500l-4-4a.7.7 0 010-1zM9 10l5.500 5.500",
  lasso:
    "M12 4.500c4.700 0 8.500 2.500 8.500 5.500s-3.800 5.500-8.500 5.500-8.500-2.500-8.500-5.500S7.300 4.500 12 4.500zM7 15c-1.500 1-1.800 2.500-.5 3.500s1 2-.5 2.500",
  polygon: "M5 9l8-5 7 7-4 9H7zM3.500 7.500h3v3h-3zM11.500 2.500h3v3h-3zM18.500 9.500h3v3h-3z",
  wand: "M4 20L14.500 9.500M17 3v4M15 5h4M20 10v3M18.500 11.500h3M9 4v3M7.500 5.500h3",
  corners: "M5 18L9 6l11 4M3 16h4v4H3zM7 4h4v4H7zM18 8h4v4h-4z",
  cut: "M4 4l16 16M7 15a2.500 2.500 0 10.010 5 2.500 2.500 0 000-5zM17 4L9 16",
  merge: "M9 5a6 6 0 100 12 6 6 0 000-12zM15 7a6 6 0 100 12 6 6 0 000-12z",
  split: "M4 5h7v14H4zM14 5h6v5h-6zM14 14h6v5h-6z",
  holes: "M4 4h16v16H4zM12 9a3 3 0 100 6 3 3 0 000-6z",
  islands: "M4 6h10v12H4zM18 7h.010M19 12h.010M18 17h.010",
  front: "M4 4h11v11H4zM19 8v11H8",
  "back-most": "M9 9h11v11H9zM5 16V5h11",
  copy: "M8 8h12v12H8zM8 16H4V4h12v4",
  undo: "M8 5L4 9l4 4M4 9h10a5.500 5.500 0 010 11h-3",
  redo: "M16 5l4 4-4 4M20 9H10a5.500 5.500 0 000 11h3",
  trash: "M5 7h14M10 4h4M7 7l1 13h8l1-13M10.500 11v5M13.500 11v5",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  back: "M14 6l-6 6 6 6",
  next: "M10 6l6 6-6 6",
  help: "M9.500 9a2.500 2.500 0 114 2c-1 .7-1.500 1.200-1.500 2.500M12 17h.01M12 3a9 9 0 100 18 9 9 0 000-18z",
  saved: "M5 12.500l4.500 4.500L19 7.500",
  waiting: "M12 4a8 8 0 108 8M12 8v4.500l3 1.500",
  offline:
    "M4 4l16 16M8.500 15a5 5 0 017 0M5 11.500c1-1 2.100-1.700 3.300-2.200M12 19h.01M12.500 8.500c2.400.1 4.700 1.100 6.500 3",
  conflict: "M12 4l9 16H3zM12 10v4.500M12 17.500h.01",
  theme: "M12 3a9 9 0 100 18 9 9 0 000-18zM12 3v18M12 7a5 5 0 010 10",
  upload: "M12 15V4M7.500 8.500L12 4l4.500 4.500M4 15v4.500h16V15",
  export: "M12 4v11M7.500 10.500L12 15l4.500-4.500M4 15v4.500h16V15",
  broken: "M4 5h16v14H4zM4 15l4-4 3 3M13 13l3-3 4 4M10 5l-1 4 3 2-2 4 1 4",
  lock: "M6 11h12v9H6zM8.5 11V8a3.500 3.500 0 017 0v3",
  import: "M12 15V4M8 11l4 4 4-4M4 15v4.500h16V15",
  list: "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
  eye: "M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12zM12 9a3 3 0 100 6 3 3 0 000-6z",
  similar: "M10.500 4a6.500 6.500 0 100 13 6.500 6.500 0 000-13zM15.500 15.500L20 20M10.500 8v5M8 10.500h5",
  close: "M6 6l12 12M18 6L6 18",
  done: "M5 12.500l4.500 4.500L19 7.500",
  stop: "M7 7h10v10H7z",
  play: "M8 5l11 7-11 7z",
  person: "M12 4a4 4 0 100 8 4 4 0 000-8zM4.500 20c.8-4 3.700-5.500 7.500-5.500s6.700 1.500 7.500 5.500",
  keys: "M3.500 6.500h17v11h-17zM7 10h.01M10.500 10h.01M14 10h.01M17 10h.01M8 14h8",
};

/** @param {string} name @returns {SVGSVGElement} */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.dataset.name = name;
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", PATHS[name] ?? "");
  svg.append(path);
  return /** @type {SVGSVGElement} */ (svg);
}
