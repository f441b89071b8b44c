// The icons: drawn on a grid of 16, one stroke, in the colour of the text beside them. They say
// nothing to a screen reader: a word always stands beside them.

const SHAPES = {
  check: "M3 8.5l3.2 3.2L13 4.8",
  sync: "M13 7A5.2 5.2 0 0 0 3.6 5M3 9a5.2 5.2 0 0 0 9.4 2M3.2 2.2V5H6M12.8 13.8V11H10",
  offline: "M2 2l12 12M5 5.6A5.5 5.5 0 0 0 2.2 8M13.8 8a7 7 0 0 0-4.6-2.6M5.2 10.6a4 4 0 0 1 5.2-.2M8 13h.01",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  attention: "M8 2.2L14.5 13.5h-13zM8 6.6v3M8 11.6h.01",
  up: "M8 13V3.5M4 7.2L8 3.2l4 4",
  down: "M8 3v9.5M4 8.8l4 4 4-4",
  plus: "M8 3v10M3 8h10",
  pencil: "M3 13l.8-3L11 2.8l2.2 2.2L6 12.2z",
  move: "M2.5 8h10.5M9.5 4.5L13 8l-3.5 3.5",
  trash: "M3 4.5h10M6.2 4.3V2.8h3.6v1.5M4.3 4.5l.6 8.7h6.2l.6-8.7M6.8 7v3.8M9.2 7v3.8",
  key: "M5 7.5a2.8 2.8 0 1 1 2.7 2.8L6.4 11.6H5v1.5H2.6V11l3-3z",
  now: "M2.5 8h2.6l1.7-4.2 2.6 8.4L11.2 8h2.3",
  log: "M3 4h10M3 8h10M3 12h6",
  conflicts: "M5 2.8v6a3 3 0 0 0 3 3h.5M5 13.2V9M11 2.8V6M11 6a3 3 0 0 1-3 3M9.3 4.3L11 2.6l1.7 1.7",
  settings: "M2.5 5h6M12 5h1.5M10.2 3.2a1.8 1.8 0 1 1 0 3.6 1.8 1.8 0 0 1 0-3.6zM2.5 11H4M7.5 11h6M5.8 9.2a1.8 1.8 0 1 1 0 3.6 1.8 1.8 0 0 1 0-3.6z",
  history: "M2.6 8a5.4 5.4 0 1 0 1.7-3.9M2.8 2.6v2.6h2.6M8 5v3.3l2.2 1.3",
  folder: "M2 4.2h4l1.4 1.6H14v6.8H2z",
  device: "M2.5 3.5h11v7.2h-11zM1.5 12.8h13",
  shield: "M8 1.8l5 1.8v4.2c0 3-2 5.2-5 6.4-3-1.2-5-3.4-5-6.4V3.6z",
  file: "M4 2h5l3.2 3.2V14H4zM9 2v3.4h3.2",
  search: "M7 2.8a4.2 4.2 0 1 1 0 8.4 4.2 4.2 0 0 1 0-8.4zM10.2 10.2l3.3 3.3",
  link: "M6.6 9.4l2.8-2.8M7 4.8l1.2-1.2a2.9 2.9 0 0 1 4.1 4.1L11.2 9M9 11.2l-1.2 1.2a2.9 2.9 0 0 1-4.1-4.1L4.8 7",
};

const SVG = "http://www.w3.org/2000/svg";

/** A drawing of squares, black on white whatever the colours around it: a QR code. */
export function drawing(size, squares) {
  const svg = document.createElementNS(SVG, "svg");
  const shape = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  svg.setAttribute("shape-rendering", "crispEdges");
  shape.setAttribute("d", squares);
  svg.append(shape);
  return svg;
}

/** An icon by its name. */
export function icon(shape) {
  const svg = document.createElementNS(SVG, "svg");
  const line = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  line.setAttribute("d", SHAPES[shape] ?? SHAPES.file);
  svg.append(line);
  return svg;
}
