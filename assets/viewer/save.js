// Saves what is on the screen as a PNG: picture, colour bar, reading and notice in one file, so that a
// heat map does not travel without its scale and its warning.

const SAVED_WIDTH = 1200;
const SAVED_MARGIN = 28;
const SAVED_FONT = "system-ui, -apple-system, 'Segoe UI', sans-serif";

/** `scene`: { stage, area, map, look, lines: [{ text, bold }] }. Returns a canvas. */
function composePicture(scene) {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  const pictureHeight = Math.round((SAVED_WIDTH * scene.area.height) / scene.area.width);
  const wrapped = scene.lines.flatMap((line) => wrapLine(context, line));
  const legendHeight = scene.map ? 84 : 0;
  canvas.width = SAVED_WIDTH;
  canvas.height = pictureHeight + legendHeight + 30 * wrapped.length + 2 * SAVED_MARGIN;
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  const zoom = SAVED_WIDTH / scene.area.width;
  context.setTransform(zoom, 0, 0, zoom, 0, 0);
  scene.stage.paint(context, scene.area);
  context.setTransform(1, 0, 0, 1, 0, 0);
  let y = pictureHeight + SAVED_MARGIN;
  if (scene.map) y = paintLegend(context, scene, y);
  for (const line of wrapped) {
    setFont(context, line.bold);
    context.fillText(line.text, SAVED_MARGIN, y + 20);
    y += 30;
  }
  return canvas;
}

/** What stands under the saved picture: whose map of what, what it says, and the notice. */
function savedLines(map, owner, said, badges) {
  const lines = map ? [{ text: owner + ": " + map.spanLabel + " (" + map.method + ")", bold: true }] : [];
  if (map) lines.push(...said.map((text) => ({ text })));
  lines.push(...badges.map((text) => ({ text })));
  return [...lines, { text: TEXT.notice + " " + TEXT.honest, bold: true }];
}

function setFont(context, bold) {
  context.fillStyle = "#1b2430";
  context.font = (bold ? "600 " : "") + "20px " + SAVED_FONT;
}

function wrapLine(context, { text, bold }) {
  setFont(context, bold);
  const lines = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    const longer = line ? line + " " + word : word;
    if (line && context.measureText(longer).width > SAVED_WIDTH - 2 * SAVED_MARGIN) {
      lines.push({ text: line, bold });
      line = word;
    } else line = longer;
  }
  return [...lines, { text: line, bold }];
}

function paintLegend(context, { look, map }, y) {
  const width = 520;
  const gradient = context.createLinearGradient(SAVED_MARGIN, 0, SAVED_MARGIN + width, 0);
  for (const stop of legendStops(look)) gradient.addColorStop(stop.t, stop.colour);
  context.fillStyle = gradient;
  context.fillRect(SAVED_MARGIN, y, width, 22);
  setFont(context, false);
  const numbers = legendNumbers(look);
  context.fillText(numbers[0], SAVED_MARGIN, y + 48);
  context.textAlign = "center";
  context.fillText(numbers[1], SAVED_MARGIN + width / 2, y + 48);
  context.textAlign = "right";
  context.fillText(numbers[2], SAVED_MARGIN + width, y + 48);
  context.textAlign = "left";
  context.fillText((map.difference ? "Tuned − base, " : "") + map.unit, SAVED_MARGIN + width + 24, y + 18);
  return y + 84;
}

/** Hands a canvas to the reader as a file; nothing leaves the computer. */
function offerFile(canvas, name) {
  canvas.toBlob((blob) => {
    if (!blob) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }, "image/png");
}
