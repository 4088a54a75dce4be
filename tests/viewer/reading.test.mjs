// The map in words: zones by area, sentences, numbers.

import assert from "node:assert/strict";
import { test } from "node:test";

import { viewer } from "./scope.mjs";

const { zoneSums, strongestZone, readMap, percent, plainNumber, quoted } = viewer(
  ["text", "reading"],
  ["zoneSums", "strongestZone", "readMap", "percent", "plainNumber", "quoted"],
);

const SIZE = { width: 90, height: 60 }; // zones of 30 × 20
const map = (boxes, values, changes) => ({ boxes, values, share: null, spanLabel: "the word “x”", ...changes });

test("a patch in two zones is divided by area, and one without area counts nothing", () => {
  const sums = zoneSums(map([[20, 0, 60, 20], [5, 5, 5, 9]], [4, 100]), SIZE, 1); // 10 of 40 pixels are left of 30
  assert.deepEqual([...sums], [1, 3, 0, 0, 0, 0, 0, 0, 0]);
});

test("what speaks against the span is counted apart", () => {
  const one = map([[0, 0, 30, 20], [60, 40, 90, 60]], [2, -3]);
  assert.deepEqual([...zoneSums(one, SIZE, 1)], [2, 0, 0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual([...zoneSums(one, SIZE, -1)], [0, 0, 0, 0, 0, 0, 0, 0, 3]);
});

test("the strongest zone has a name from twice an even share on", () => {
  assert.deepEqual(strongestZone(map([[60, 0, 90, 20]], [1]), SIZE), { name: "the right upper zone", part: 1 });
  assert.deepEqual(strongestZone(map([[30, 20, 60, 40]], [1]), SIZE), { name: "the centre", part: 1 });
  assert.equal(strongestZone(map([[0, 0, 90, 60]], [1]), SIZE).name, null);
  assert.equal(strongestZone(map([[0, 0, 90, 60]], [0]), SIZE), null);
});

test("the sentence under the picture", () => {
  const right = map([[60, 20, 90, 40]], [1], { share: 0.38 });
  assert.equal(
    readMap(right, SIZE),
    "38 % of the evidence for the word “x” came from the image; the strongest place is the right middle zone of " +
      "the picture (100 % of the map).",
  );
  assert.match(readMap(map([[0, 0, 90, 60]], [1], { share: 0.2 }), SIZE), /spread over the picture without a clear place/);
  assert.match(readMap(map([[0, 0, 90, 60]], [0]), SIZE), /^The word “x”: This method does not say .* this map is empty\.$/);
  const against = map([[60, 20, 90, 40], [0, 0, 30, 20]], [1, -1], { share: 0.5, signed: true });
  assert.match(readMap(against, SIZE), /what spoke against it lies mostly in the left upper zone\.$/);
});

test("the sentence for a difference", () => {
  const both = map([[60, 20, 90, 40], [0, 0, 30, 20]], [1, -1], {
    difference: true, share: 0.5, baseShare: 0.25, spanLabel: "the final answer",
  });
  assert.equal(
    readMap(both, SIZE),
    "Tuned minus base for the final answer: the tuned model rested more on the right middle zone and less on the " +
      "left upper zone. Image share 50 % (tuned) and 25 % (base).",
  );
  assert.match(readMap({ ...both, values: [0, 0] }, SIZE), /no difference anywhere in the picture\.$/);
  assert.match(readMap({ ...both, values: [0, -1] }, SIZE), /the tuned model rested less on the left upper zone\./);
});

test("numbers as people read them", () => {
  assert.deepEqual([0, 0.004, 0.005, 0.384, 1].map(percent), ["0 %", "under 1 %", "1 %", "38 %", "100 %"]);
  const shown = [0, 1234.5, 12.345, 0.2, 0.012345, 0.00012345, -0.5].map(plainNumber);
  assert.deepEqual(shown, ["0", "1235", "12.3", "0.2", "0.0123", "0.00012", "-0.5"]);
  assert.equal(quoted("a".repeat(61)), "“" + "a".repeat(57) + "…”");
  assert.equal(quoted("spot"), "“spot”");
});
