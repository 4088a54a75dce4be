// A picture to draw a region on: box, lasso and brush by mouse or finger, a box also by four numbers. Shapes are
// kept in pixels of the picture; Python hears of them through `select`, and through `click` when the answers on
// the page may have changed. After `region_shapes.js`.
const SVG = "http://www.w3.org/2000/svg";
const EMPTY = "Nothing to probe yet. Ask a question on Trace first; its answer can then be tested here.";
const NO_PICTURE = "This question has no picture. What can be changed is the reasoning and the order of the options.";
const TOOLS = [["box", "Box"], ["lasso", "Lasso"], ["brush", "Brush"]];
const SIDES = ["Left", "Top", "Right", "Bottom"];
let shapes = [], tool = "box", drawing = null, shown = "", parts = null;

function shapeNode(shape) {
  const box = shape.kind === "box", points = shape.points;
  const node = document.createElementNS(SVG, box ? "rect" : shape.kind === "lasso" ? "polygon" : "polyline");
  node.setAttribute("class", "pb-" + shape.kind);
  if (box) {
    for (const [name, value] of Object.entries(boxSides(points))) node.setAttribute(name, value);
  } else {
    node.setAttribute("points", linePoints(points));
    if (shape.kind === "brush") node.setAttribute("stroke-width", 2 * shape.radius);
  }
  return node;
}

function redraw() {
  parts.svg.replaceChildren(...[...shapes, ...(drawing ? [drawing] : [])].map(shapeNode));
  boxNumbers(shapes).forEach((number, at) => {
    if (document.activeElement !== parts.numbers[at]) parts.numbers[at].value = number;
  });
  parts.said.textContent = saidOfRegion(shapes);
}

function tell() {
  redraw();
  trigger("select", { shapes });
}

function place(event, value) {
  return placeInPicture(event.clientX, event.clientY, parts.svg.getBoundingClientRect(), value);
}

function listen(svg, value) {
  svg.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    svg.setPointerCapture(event.pointerId);
    const at = place(event, value);
    const radius = brushRadius(Number(parts.size.value), value);
    drawing = { kind: tool, points: tool === "box" ? [at, at] : [at], radius };
    shapes = keptShapes(shapes, tool);
    redraw();
  });
  svg.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    const at = place(event, value);
    if (drawing.kind === "box") drawing.points[1] = at;
    else drawing.points.push(at);
    redraw();
  });
  const end = () => {
    if (!drawing) return;
    shapes = [...shapes, drawing];
    drawing = null;
    tell();
  };
  svg.addEventListener("pointerup", end);
  svg.addEventListener("pointercancel", end);
}

function typed() {
  const box = typedBox(parts.numbers.map((field) => field.value));
  if (!box) return;
  shapes = [box];
  tell();
}

function choose(name) {
  tool = name;
  for (const [key, button] of Object.entries(parts.tools)) {
    button.setAttribute("aria-pressed", String(key === name));
  }
  parts.width.hidden = name !== "brush";
}

function build(host, value) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${value.width} ${value.height}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "Drawing area; the four numbers below do the same by keyboard");
  const tools = {};
  for (const [key, label] of TOOLS) {
    tools[key] = make("button", { type: "button", class: "wb-chip" }, label);
    tools[key].addEventListener("click", () => choose(key));
  }
  const clear = make("button", { type: "button", class: "wb-chip" }, "Clear region");
  clear.addEventListener("click", () => { shapes = []; tell(); });
  const size = make("input", { type: "range", min: 1, max: 12, value: 4 });
  const width = make("label", { class: "pb-size" }, "Brush size ", size);
  const numbers = SIDES.map((_side, at) =>
    make("input", { type: "number", min: 0, max: at % 2 ? value.height : value.width, step: 1 }));
  numbers.forEach((field) => field.addEventListener("change", typed));
  const labels = numbers.map((field, at) => make("label", {}, SIDES[at], field));
  const said = make("p", { class: "wb-small", role: "status" });
  parts = { svg, tools, size, width, numbers, said };
  fill(host,
    make("div", { class: "wb-chips", role: "group", "aria-label": "Drawing tool" },
      ...Object.values(tools), clear, width),
    make("div", { class: "pb-frame" },
      make("img", { src: value.src, alt: value.alt, draggable: "false" }), svg),
    said,
    make("fieldset", { class: "pb-numbers" },
      make("legend", {}, `Box in pixels (the picture is ${value.width} × ${value.height})`), ...labels));
  listen(svg, value);
  choose(tool);
  redraw();
}

keepDrawn((host, value) => {
  const now = value ? value.case : "";
  if (now && now === shown) return;
  const had = shapes.length > 0;
  shapes = [];
  drawing = null;
  shown = now;
  if (!value) return fill(host, make("p", { class: "pb-empty" }, EMPTY));
  if (!value.src) return fill(host, make("p", { class: "pb-empty" }, NO_PICTURE));
  build(host, value);
  if (had) tell();
});

let due = 0;
function refresh() {
  clearTimeout(due);
  due = setTimeout(() => { if (element.offsetParent !== null) trigger("click"); }, 250);
}
const seen = (entries) => entries.some((entry) => entry.isIntersecting) && refresh();
new IntersectionObserver(seen).observe(element);
const line = document.querySelector("#case-status");
const everything = { childList: true, subtree: true, characterData: true };
if (line) new MutationObserver(refresh).observe(line, everything);
