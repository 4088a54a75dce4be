// The arithmetic of the region picker. Points are [x, y] in pixels of the picture; a shape is
// { kind: "box" | "lasso" | "brush", points, radius }, a box being two opposite corners.
const SAID = { box: "A box is drawn.", lasso: "A lasso is drawn.", brush: "Painted with the brush." };
const NO_REGION = "No region yet: draw on the picture, or type a box.";

/** { x, y, width, height } of a box drawn in any direction. */
function boxSides([[a, b], [c, d]]) {
  return { x: Math.min(a, c), y: Math.min(b, d), width: Math.abs(c - a), height: Math.abs(d - b) };
}

/** The points of a line as SVG wants them; a single point gets a hair of length, or nothing would be drawn. */
function linePoints(points) {
  const line = points.length === 1 ? [points[0], [points[0][0] + 0.01, points[0][1]]] : points;
  return line.map((p) => p.join(",")).join(" ");
}

/** Where a place of the page lies in the picture, to a tenth of a pixel and never outside. */
function placeInPicture(x, y, frame, picture) {
  const inside = (at, size) => Math.round(Math.min(Math.max(at, 0), size) * 10) / 10;
  return [
    inside(((x - frame.left) / frame.width) * picture.width, picture.width),
    inside(((y - frame.top) / frame.height) * picture.height, picture.height),
  ];
}

/** Radius of the brush in pixels: `percent` of the longer side. */
function brushRadius(percent, picture) {
  return (percent / 100) * Math.max(picture.width, picture.height);
}

/** Left, top, right and bottom as drawn, in whole pixels; empty unless the region is one box. */
function boxNumbers(shapes) {
  const one = shapes.length === 1 && shapes[0].kind === "box";
  return one ? shapes[0].points.flat().map(Math.round) : ["", "", "", ""];
}

/** The box of four typed numbers; null while one of them is missing. */
function typedBox(texts) {
  const numbers = texts.map((text) => (text === "" ? NaN : Number(text)));
  if (numbers.some(Number.isNaN)) return null;
  return { kind: "box", points: [numbers.slice(0, 2), numbers.slice(2)] };
}

/** The shapes that stay when drawing begins: strokes of the brush add up, anything else is drawn anew. */
function keptShapes(shapes, tool) {
  return tool === "brush" && shapes.every((shape) => shape.kind === "brush") ? shapes : [];
}

function saidOfRegion(shapes) {
  return shapes.length ? SAID[shapes[0].kind] : NO_REGION;
}
