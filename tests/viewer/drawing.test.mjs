// A map as a picture: the pixel grid, smoothing, colours, the colour bar, the grey window.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BOXES } from "./cases.mjs";
import { viewer } from "./scope.mjs";

const { rasterise, slidingMean, colourGrid, colourTable, colourAt, legendNumbers, legendStops, scaleSentence,
  windowTable, isFullWindow, nextPatch, sameShape } = viewer(
  ["dom", "text", "colormaps", "raster", "legend", "window_level", "pointer", "pictures"],
  ["rasterise", "slidingMean", "colourGrid", "colourTable", "colourAt", "legendNumbers", "legendStops",
    "scaleSentence", "windowTable", "isFullWindow", "nextPatch", "sameShape"],
);

const SIZE = { width: 20, height: 20 };
const at = (grid, x, y) => grid.values[Math.floor((y / SIZE.height) * grid.height) * grid.width +
  Math.floor((x / SIZE.width) * grid.width)];

/** Stands in for a canvas: `dots` are the colours that were painted. */
function paper() {
  const sheet = {
    getContext: () => ({
      createImageData: (width, height) => ({ data: new Uint8ClampedArray(4 * width * height) }),
      putImageData: (picture) => {
        sheet.dots = [...picture.data];
      },
    }),
  };
  return sheet;
}

test("blocks: each pixel has its patch's value, overlapping patches are averaged, the rest stays bare", () => {
  const grid = rasterise({ boxes: BOXES, values: [1, 2, 3, 4] }, SIZE, false);
  assert.deepEqual([grid.width, grid.height], [640, 640]);
  assert.deepEqual([[1, 1], [19, 1], [1, 19], [19, 19]].map(([x, y]) => at(grid, x, y)), [1, 2, 3, 4]);
  assert.deepEqual([[9.99, 1], [10, 1]].map(([x, y]) => at(grid, x, y)), [1, 2]);
  const over = rasterise({ boxes: [[0, 0, 10, 20], [0, 0, 20, 10]], values: [1, 3] }, SIZE, false);
  assert.deepEqual([[5, 15], [15, 5], [5, 5], [15, 15]].map(([x, y]) => at(over, x, y)), [1, 3, 2, 0]);
  assert.equal(over.covered[over.covered.length - 1], 0);
});

test("smooth: a patch keeps its value at its centre, half way to the next there is half of each", () => {
  const boxes = [], values = [];
  for (let row = 0; row < 5; row++) {
    for (let column = 0; column < 5; column++) {
      boxes.push([4 * column, 4 * row, 4 * column + 4, 4 * row + 4]);
      values.push(row === 2 && column === 2 ? 1 : 0);
    }
  }
  const grid = rasterise({ boxes, values }, SIZE, true);
  assert.equal(grid.width, 320); // 64 pixels a patch: one pixel is 1/64 of the way to the next centre
  const near = (x, y, expected) => assert.ok(Math.abs(at(grid, x, y) - expected) < 0.04, `${x} ${y}: ${at(grid, x, y)}`);
  near(10, 10, 1);
  near(12, 10, 0.5);
  near(10, 8, 0.5);
  near(14, 10, 0);
  assert.equal(at(grid, 2, 2), 0);
});

test("a sliding mean counts what lies outside as nothing", () => {
  const mean = slidingMean(Float32Array.from([3, 6, 9]), 3, 1, 1, 3, 1);
  assert.deepEqual([...mean], [3, 6, 5]);
});

test("nothing is painted at zero and under the threshold; cover and colour grow with the value", () => {
  const sheet = paper();
  const grid = { width: 4, height: 1, values: Float32Array.from([0, 0.2, 1, 2]) };
  colourGrid(sheet, grid, { top: 1, signed: false, threshold: 0.5, colormap: "viridis" });
  const table = colourTable("viridis");
  const top = [...table.slice(-3), 255];
  assert.deepEqual(sheet.dots, [0, 0, 0, 0, 0, 0, 0, 0, ...top, ...top]);
  colourGrid(sheet, grid, { top: 1, signed: false, threshold: 0, colormap: "viridis" });
  assert.deepEqual(sheet.dots.slice(4, 8), [...table.slice(3 * 51, 3 * 52), 51]); // 0.2 of 255
});

test("signed maps are blue below zero and orange above it", () => {
  const sheet = paper();
  const grid = { width: 3, height: 1, values: Float32Array.from([-1, 0, 1]) };
  colourGrid(sheet, grid, { top: 1, signed: true, threshold: 0, colormap: "diverging" });
  assert.deepEqual(sheet.dots, [8, 48, 107, 255, 0, 0, 0, 0, 110, 40, 2, 255]);
});

test("every colour map has 256 colours, and places outside 0..1 are its ends", () => {
  for (const name of ["viridis", "inferno", "cividis", "diverging"]) assert.equal(colourTable(name).length, 768);
  assert.equal(colourAt("diverging", -1), "rgb(8, 48, 107)");
  assert.equal(colourAt("diverging", 2), "rgb(110, 40, 2)");
});

test("the colour bar's numbers and what is said of the scale", () => {
  assert.deepEqual(legendNumbers({ signed: false, top: 0.5 }), ["0", "0.25", "0.5"]);
  assert.deepEqual(legendNumbers({ signed: true, top: 0.1 }), ["−0.1", "0", "0.1"]);
  assert.deepEqual(legendStops({ colormap: "viridis" }, 3).map((stop) => stop.t), [0, 0.5, 1]);
  const look = { scale: "own", threshold: 0, blocks: false };
  assert.match(scaleSentence({ kind: "word" }, look, true), /own scale: colours of two maps can't be compared/);
  const shared = scaleSentence({ kind: "step" }, { scale: "shared", threshold: 0.6, blocks: true }, true);
  assert.match(shared, /shared over all steps of both models\. Values under 60 % of the scale are hidden\. One block/);
});

test("the grey window spreads its band over all greys", () => {
  assert.equal(isFullWindow({ level: 128, window: 256, invert: false }), true);
  const whole = windowTable({ level: 128, window: 256, invert: true });
  assert.deepEqual([whole[0], whole[90], whole[255]], [255, 165, 0]);
  const narrow = windowTable({ level: 100, window: 64, invert: false }); // 68..132
  assert.deepEqual([narrow[68], narrow[100], narrow[132], narrow[40]], [0, 128, 255, 0]);
});

test("arrow keys go to the nearest patch in their direction and stay at the edge", () => {
  const map = { boxes: [...BOXES, [20, 0, 20, 10]], values: [1, 2, 9, 4, 0] };
  assert.equal(nextPatch(map, -1, 1, 0), 2); // the strongest to begin with
  assert.equal(nextPatch(map, 0, 1, 0), 1);
  assert.equal(nextPatch(map, 0, 0, 1), 2);
  assert.equal(nextPatch(map, 1, 1, 0), 1); // the patch to the right has no area
});

test("a picture of another shape carries no map", () => {
  const image = { width: 300, height: 180 };
  assert.equal(sameShape({ naturalWidth: 150, naturalHeight: 90 }, image), true);
  assert.equal(sameShape({ naturalWidth: 40, naturalHeight: 40 }, image), false);
  assert.equal(sameShape(null, image), false);
});
