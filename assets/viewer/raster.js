// A map as a picture: patch values are painted into a grid of pixels and coloured.

// Longest side of the grid in pixels: sharp edges need many, slopes few.
const BLOCK_SIDE = 640;
const SMOOTH_SIDE = 320;

/** Values on a pixel grid: { width, height, values, covered }; patches that overlap are averaged. */
function rasterise(map, size, smooth) {
  const scale = (smooth ? SMOOTH_SIDE : BLOCK_SIDE) / Math.max(size.width, size.height);
  const width = Math.max(1, Math.round(size.width * scale));
  const height = Math.max(1, Math.round(size.height * scale));
  const sums = new Float32Array(width * height);
  const counts = new Float32Array(width * height);
  const [sx, sy] = [width / size.width, height / size.height];
  map.boxes.forEach(([x0, y0, x1, y1], p) => {
    const [left, right] = [firstCentre(x0 * sx), Math.min(width, firstCentre(x1 * sx))];
    const [top, bottom] = [firstCentre(y0 * sy), Math.min(height, firstCentre(y1 * sy))];
    for (let y = top; y < bottom; y++) {
      for (let i = y * width + left; i < y * width + right; i++) {
        sums[i] += map.values[p];
        counts[i] += 1;
      }
    }
  });
  const grid = { width, height, values: sums, covered: counts };
  for (let i = 0; i < sums.length; i++) if (counts[i] > 1) sums[i] /= counts[i];
  for (let i = 0; i < sums.length; i++) counts[i] = counts[i] > 0 ? 1 : 0;
  return smooth ? interpolate(grid, typicalPatch(map.boxes, sx, sy)) : grid;
}

/** First pixel whose centre lies at or after an edge. */
function firstCentre(edge) {
  return Math.max(0, Math.ceil(edge - 0.5));
}

/** Median patch width and height in grid pixels. */
function typicalPatch(boxes, sx, sy) {
  const middle = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 1;
  const real = boxes.filter(([x0, y0, x1, y1]) => x1 > x0 && y1 > y0);
  return [middle(real.map((box) => (box[2] - box[0]) * sx)), middle(real.map((box) => (box[3] - box[1]) * sy))];
}

/**
 * Averaging over one patch width and height turns steps into straight slopes between patch centres
 * (bilinear interpolation): smooth to look at, and a patch keeps its value at its centre. Pixels that no
 * patch covers stay out of the average and stay blank.
 */
function interpolate(grid, [patchWidth, patchHeight]) {
  const blur = (data) => {
    const across = slidingMean(data, grid.width, grid.height, 1, grid.width, Math.floor(patchWidth / 2));
    return slidingMean(across, grid.height, grid.width, grid.width, 1, Math.floor(patchHeight / 2));
  };
  const values = blur(grid.values);
  const weights = blur(grid.covered);
  for (let i = 0; i < values.length; i++) values[i] = grid.covered[i] ? values[i] / weights[i] : 0;
  return { ...grid, values };
}

/** Mean over 2 × radius + 1 neighbours along one direction (`step` apart), line after line. */
function slidingMean(data, length, lines, step, lineStep, radius) {
  const result = new Float32Array(data.length);
  const sums = new Float64Array(length + 1);
  for (let line = 0; line < lines; line++) {
    const start = line * lineStep;
    for (let i = 0; i < length; i++) sums[i + 1] = sums[i] + data[start + i * step];
    for (let i = 0; i < length; i++) {
      const [from, to] = [Math.max(0, i - radius), Math.min(length, i + radius + 1)];
      result[start + i * step] = (sums[to] - sums[from]) / (2 * radius + 1);
    }
  }
  return result;
}

/**
 * Colours a grid into a canvas. Strength drives colour and cover: nothing is painted at zero, full
 * cover at the top of the scale, so that an empty map stays an empty picture.
 */
function colourGrid(canvas, grid, look) {
  canvas.width = grid.width;
  canvas.height = grid.height;
  const context = canvas.getContext("2d");
  const picture = context.createImageData(grid.width, grid.height);
  const table = colourTable(look.colormap);
  for (let i = 0; i < grid.values.length; i++) {
    const t = clamp(grid.values[i] / look.top, -1, 1);
    const strength = look.signed ? Math.abs(t) : Math.max(0, t);
    if (!(strength > 0) || strength < look.threshold) continue;
    const at = 3 * Math.round(255 * (look.signed ? (t + 1) / 2 : strength));
    picture.data[4 * i] = table[at];
    picture.data[4 * i + 1] = table[at + 1];
    picture.data[4 * i + 2] = table[at + 2];
    picture.data[4 * i + 3] = Math.round(255 * strength);
  }
  context.putImageData(picture, 0, 0);
}
