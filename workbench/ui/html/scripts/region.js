// A picture to draw a region on: box, lasso and brush by mouse or finger, a box also by four numbers. Shapes are
// kept in pixels of the picture; Python hears of them through `select`, and through `click` when the answers on
// the page may have changed.
const SVG = "http://www.w3.org/2000/svg";
const EMPTY = "Nothing to probe yet. Ask a question on Trace first; its answer can then be tested here.";
const TOOLS = [["box", "Box"], ["lasso", "Lasso"], ["brush", "Brush"]];
const SIDES = ["Left", "Top", "Right", "Bottom"];
let shapes = [], tool = "box", drawing = null, shown = "", parts = null;

function shapeNode(shape) {
  const box = shape.kind === "box", points = shape.points;
  const node = document.createElementNS(SVG, box ? "rect" : shape.kind === "lasso" ? "polygon" : "polyline");
  node.setAttribute("class", "pb-" + shape.kind);
  if (box) {
    const [[a, b], [c, d]] = points;
    const sides = { x: Math.min(a, c), y: Math.min(b, d), width: Math.abs(c - a), height: Math.abs(d - b) };
    for (const [name, value] of Object.entries(sides)) node.setAttribute(name, value);
  } else {
    const line = points.length === 1 ? [points[0], [points[0][0] + 0.01, points[0][1]]] : points;
    node.setAttribute("points", line.map((p) => p.join(",")).join(" "));
    if (shape.kind === "brush") node.setAttribute("stroke-width", 2 * shape.radius);
  }
  return node;
}

function redraw() {
  parts.svg.replaceChildren(...[...shapes, ...(drawing ? [drawing] : [])].map(shapeNode));
  const box = shapes.length === 1 && shapes[0].kind === "box" ? shapes[0].points.flat() : null;
  parts.numbers.forEach((field, at) => {
    if (document.activeElement !== field) field.value = box ? Math.round(box[at]) : "";
  });
  const said = { box: "A box is drawn.", lasso: "A lasso is drawn.", brush: "Painted with the brush." };
  const none = "No region yet: draw on the picture, or type a box.";
  parts.said.textContent = shapes.length ? said[shapes[0].kind] : none;
}

function tell() {
  redraw();
  trigger("select", { shapes });
}

function place(event, value) {
  const frame = parts.svg.getBoundingClientRect();
  const inside = (at, size) => Math.round(Math.min(Math.max(at, 0), size) * 10) / 10;
  return [
    inside(((event.clientX - frame.left) / frame.width) * value.width, value.width),
    inside(((event.clientY - frame.top) / frame.height) * value.height, value.height),
  ];
}

function listen(svg, value) {
  svg.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    svg.setPointerCapture(event.pointerId);
    const at = place(event, value);
    const radius = (Number(parts.size.value) / 100) * Math.max(value.width, value.height);
    drawing = { kind: tool, points: tool === "box" ? [at, at] : [at], radius };
    if (tool !== "brush" || shapes.some((shape) => shape.kind !== "brush")) shapes = [];
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
  const numbers = parts.numbers.map((field) => (field.value === "" ? NaN : Number(field.value)));
  if (numbers.some(Number.isNaN)) return;
  shapes = [{ kind: "box", points: [numbers.slice(0, 2), numbers.slice(2)] }];
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
