// The small components of the page: the region picker's arithmetic, the group of a chart's bar.

import assert from "node:assert/strict";
import { test } from "node:test";

import { component } from "./scope.mjs";

const shapes = component(["region_shapes"], [
  "boxSides", "linePoints", "placeInPicture", "brushRadius", "boxNumbers", "typedBox", "keptShapes", "saidOfRegion",
]);
const box = { kind: "box", points: [[10.4, 20], [60.5, 90]] };
const stroke = { kind: "brush", points: [[1, 2]], radius: 3 };

test("a box may be drawn in any direction", () => {
  const sides = { x: 10, y: 20, width: 50, height: 70 };
  for (const points of [[[10, 20], [60, 90]], [[60, 90], [10, 20]], [[10, 90], [60, 20]]]) {
    assert.deepEqual(shapes.boxSides(points), sides);
  }
});

test("a line of one point has a length, so that a dot of the brush is seen", () => {
  assert.equal(shapes.linePoints([[1, 2], [3, 4]]), "1,2 3,4");
  assert.equal(shapes.linePoints([[1, 2]]), "1,2 1.01,2");
});

test("places on the page become pixels of the picture and stay inside it", () => {
  const frame = { left: 100, top: 50, width: 200, height: 100 }, picture = { width: 400, height: 300 };
  assert.deepEqual(shapes.placeInPicture(150, 75, frame, picture), [100, 75]);
  assert.deepEqual(shapes.placeInPicture(0, 500, frame, picture), [0, 300]);
  assert.deepEqual(shapes.placeInPicture(100.37, 50, frame, picture), [0.7, 0]); // 0.74, to a tenth
});

test("the brush is measured by the longer side", () => {
  assert.equal(shapes.brushRadius(4, { width: 200, height: 300 }), 12);
});

test("four numbers belong to one box only", () => {
  assert.deepEqual(shapes.boxNumbers([box]), [10, 20, 61, 90]);
  assert.deepEqual(shapes.boxNumbers([box, box]), ["", "", "", ""]);
  assert.deepEqual(shapes.boxNumbers([stroke]), ["", "", "", ""]);
  assert.deepEqual(shapes.typedBox(["10", "20", "60", "90"]), { kind: "box", points: [[10, 20], [60, 90]] });
  assert.equal(shapes.typedBox(["10", "", "60", "90"]), null);
});

test("strokes of the brush add up, everything else begins anew", () => {
  assert.deepEqual(shapes.keptShapes([stroke], "brush"), [stroke]);
  assert.deepEqual(shapes.keptShapes([stroke], "box"), []);
  assert.deepEqual(shapes.keptShapes([box], "brush"), []);
});

test("the region in words", () => {
  assert.equal(shapes.saidOfRegion([box]), "A box is drawn.");
  assert.match(shapes.saidOfRegion([]), /^No region yet/);
});

test("a bar names its group without the number of its items", () => {
  const { groupOf } = component(["dom", "bars"], ["groupOf"], {
    element: { querySelector: () => null },
    props: {},
    watch: () => {},
    document: { addEventListener: () => {} },
  });
  assert.equal(groupOf({ x: "Trace<br>score<br>n = 10" }), "Trace score");
  assert.equal(groupOf({ theta: "Perception" }), "Perception");
});
