// From the bytes of the payload to the one map that is shown: every number worked out by hand.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BOXES, column } from "./cases.mjs";
import { viewer } from "./scope.mjs";

const {
  unpackMaps, spanKey, counterpart, meanRows, sharedPeak, canSubtract, columnMap, differenceMap, patchAt,
  wordsOfPatch, stepOfWord, inAnswer, onPicture,
} = viewer(["dom", "text", "maps"], [
  "unpackMaps", "spanKey", "counterpart", "meanRows", "sharedPeak", "canSubtract", "columnMap", "differenceMap",
  "patchAt", "wordsOfPatch", "stepOfWord", "inAnswer", "onPicture",
]);

function unpacked(key, changes) {
  const one = column(key, changes);
  return { ...one, unpacked: unpackMaps(one) };
}

function withMaps(key, maps, changes = {}) {
  return unpacked(key, { maps: { ...column(key).maps, ...maps }, ...changes });
}

test("codes become values: q / 255 of the peak, or (q − 128) / 127 of it for signed maps", () => {
  const q = Buffer.from([0, 51, 255, 255]).toString("base64");
  const plain = withMaps("base", { keys: ["all"], q, peak: [10], share: [null] }).unpacked;
  assert.deepEqual([...plain.row("all")], [0, 2, 10, 10]);
  const codes = Buffer.from([1, 128, 255, 128]).toString("base64");
  const signed = withMaps("base", { keys: ["all"], q: codes, peak: [3], share: [null], signed: true }).unpacked;
  assert.deepEqual([...signed.row("all")], [-3, 0, 3, 0]);
});

test("a span without a row has no map, which is not an empty one", () => {
  const keys = [undefined, "word:1", "word:2", "word:3", "step:0", "step:1", "answer", "all"];
  const maps = withMaps("base", { keys, peak: [1, 0, 3, 4, 5, 6, 7, 8] }).unpacked;
  assert.equal(maps.row("word:0"), null);
  assert.deepEqual([...maps.row("word:1")], [0, 0, 0, 0]);
  assert.equal(maps.row("step:2"), null);
  assert.deepEqual([maps.shareOf("word:0"), maps.peakAt("word:0"), maps.peakAt("all")], [null, 0, 8]);
  assert.equal(unpackMaps({ maps: null }), null);
  assert.equal(unpackMaps({ maps: { refused: "" } }), null);
});

test("a span is called by its kind, and by its number where there are several", () => {
  const found = [["word", 2], ["step", 1], ["answer", 0], ["all", 0]].map(([kind, at]) => spanKey(kind, at));
  assert.deepEqual(found, ["word:2", "step:1", "answer", "all"]);
});

test("a word belongs to the step or the answer whose range holds it", () => {
  const one = column("base");
  assert.deepEqual([0, 1, 2, 3].map((word) => stepOfWord(one, word)), [0, 1, -1, -1]);
  assert.deepEqual([2, 3, 4].map((word) => inAnswer(one, word)), [false, true, false]);
  assert.equal(inAnswer({ answer: null }, 0), false);
});

test("a word's partner in another text is its step's axis, the answer, or everything, and that is said", () => {
  const own = column("base");
  const other = column("tuned", {
    steps: ["rationale", "perception", "rationale"].map((axis, at) => ({ axis, words: [at, at + 1] })),
  });
  const step = counterpart(own, { kind: "word", index: 1 }, other);
  assert.deepEqual([step.kind, step.axis, step.indices], ["step", "rationale", [0, 2]]);
  assert.match(step.note, /its step is shown instead/);
  assert.match(counterpart(own, { kind: "word", index: 3 }, other).note, /the final answer is shown instead/);
  assert.match(counterpart(own, { kind: "word", index: 2 }, other).note, /the whole text is shown instead/);
  assert.deepEqual(counterpart(own, { kind: "answer", index: 0 }, other), { kind: "answer", indices: [0], note: "" });
});

test("several rows become their mean; an unknown share makes the mean unknown", () => {
  const maps = unpacked("base").unpacked;
  const both = meanRows(maps, ["step:0", "step:1"]); // 5 in patch 0 and 6 in patch 1
  assert.deepEqual([...both.values], [2.5, 3, 0, 0]);
  assert.equal(both.share, 0.55);
  assert.equal(meanRows(maps, ["answer", "all"]).share, null);
  assert.equal(meanRows(maps, []), null);
});

test("the shared scale is the largest of the same kind, method and unit", () => {
  const base = unpacked("base");
  const tuned = withMaps("tuned", { peak: [9, 2, 3, 4, 5, 60, 7, 8] });
  assert.equal(sharedPeak([base, tuned], "word", base.unpacked), 9);
  assert.equal(sharedPeak([base, tuned], "step", base.unpacked), 60);
  assert.equal(sharedPeak([base, tuned], "all", base.unpacked), 8);
  const foreign = withMaps("tuned", { peak: [9, 2, 3, 4, 5, 60, 7, 8], unit: "nats" });
  assert.equal(sharedPeak([base, foreign], "step", base.unpacked), 6);
});

test("a difference needs the same method, unit and patches", () => {
  const base = unpacked("base");
  assert.equal(canSubtract(base, unpacked("tuned")), true);
  assert.equal(canSubtract(base, withMaps("tuned", { method: "rollout" })), false);
  assert.equal(canSubtract(base, withMaps("tuned", { boxes: BOXES.map(([a, b, c]) => [a, b, c, 21]) })), false);
  assert.equal(canSubtract(base, { unpacked: null }), false);
});

test("the map of the selected span, or why there is none", () => {
  const columns = [unpacked("base"), unpacked("tuned")];
  const shown = columnMap(columns, { column: "base", kind: "step", index: 1 }, "base");
  assert.deepEqual([...shown.values], [0, 6, 0, 0]);
  assert.deepEqual([shown.peak, shown.share, shown.spanLabel], [6, 0.6, "step 2 (rationale)"]);
  const word = columnMap(columns, { column: "base", kind: "word", index: 0 }, "base");
  assert.equal(word.spanLabel, "the word “Dark”");
  const refused = unpacked("base", { maps: { refused: "Hidden.", hint: "Try occlusion." } });
  const selection = { column: "base", kind: "all", index: 0 };
  assert.deepEqual(columnMap([refused], selection, "base"), { missing: "Hidden.", hint: "Try occlusion.", refused: true });
  const served = unpacked("base", { maps: { refused: "Elsewhere.", hint: "", state: "elsewhere" } });
  assert.equal(columnMap([served], selection, "base").state, "elsewhere");
  const waiting = unpacked("base", { maps: null });
  assert.match(columnMap([waiting], selection, "base").missing, /no heat map for this answer yet/);
  const unknown = withMaps("base", { keys: column("base").maps.keys.slice(0, 7) });
  assert.match(columnMap([unknown], selection, "base").missing, /no heat map for this part/);
});

test("tuned minus base is signed and says whether the texts are the same", () => {
  const selection = { column: "tuned", kind: "step", index: 0 };
  const tuned = withMaps("tuned", { peak: [1, 2, 3, 4, 7, 6, 7, 8] });
  const same = differenceMap([unpacked("base"), tuned], selection);
  assert.deepEqual([...same.values], [2, 0, 0, 0]);
  assert.deepEqual([same.signed, same.peak, same.share, same.baseShare], [true, 2, 0.5, 0.5]);
  assert.equal(same.spanLabel, "the perception steps");
  assert.match(same.note, /Both models wrote the same text/);
  const other = differenceMap([unpacked("base", { text: "Else." }), tuned], selection);
  assert.match(other.note, /the two texts differ/);
  const stepless = unpacked("base", { steps: [], maps: { ...column("base").maps, keys: ["word:0", "word:1", "word:2", "word:3", "answer", "all"] } });
  assert.match(differenceMap([stepless, tuned], selection).missing, /nothing to compare/);
  assert.match(differenceMap([unpacked("base", { maps: null }), tuned], selection).missing, /both models' maps/);
});

test("a point lies in the smallest patch around it; right and lower edges belong to the next one", () => {
  assert.equal(patchAt(BOXES, 9.9, 0), 0);
  assert.equal(patchAt(BOXES, 10, 0), 1);
  assert.equal(patchAt(BOXES, 20, 5), -1);
  assert.equal(patchAt([...BOXES, [2, 2, 4, 4], [3, 3, 3, 9]], 3, 3), 4);
});

test("the words of a patch: at least half of its most, strongest first, six at most", () => {
  const codes = Array.from({ length: 8 }, (_, row) => [[100, 49, 50, 200, 180, 170, 160, 150][row], 0, 0, 0]);
  const words = Array.from({ length: 8 }, (_, at) => ({ text: String(at), glue: " " }));
  const keys = words.map((_, at) => `word:${at}`);
  const maps = { keys, q: Buffer.from(codes.flat()).toString("base64"), peak: Array(8).fill(1) };
  const one = withMaps("base", maps, { words, steps: [], answer: null });
  assert.deepEqual(wordsOfPatch(one, 0), [3, 4, 5, 6, 7, 0]);
  assert.deepEqual(wordsOfPatch(one, 1), []);
});

test("of several pictures one is shown: other patches lose place and value, numbers and scale stay", () => {
  const whole = { values: new Float32Array([1, 3, 4]), boxes: [[0, 0, 1, 1], [0, 0, 2, 2], [2, 2, 4, 4]], peak: 4 };
  const found = onPicture({ ...whole, pictureOf: [0, 1, 1] }, 1);
  assert.deepEqual([...found.values], [0, 3, 4]);
  assert.deepEqual(found.boxes, [[0, 0, 0, 0], [0, 0, 2, 2], [2, 2, 4, 4]]);
  assert.deepEqual([found.peak, found.part, found.place], [4, 7 / 8, 1]);
  assert.deepEqual(found.parts, [1 / 8, 7 / 8]);
  assert.equal(patchAt(found.boxes, 0.5, 0.5), 1);
  assert.equal(onPicture(whole, 0), whole);
});

test("maps over different pictures can't be subtracted", () => {
  const [base, tuned] = [withMaps("base", {}), withMaps("tuned", {})];
  assert.equal(canSubtract(base, tuned), true);
  const other = withMaps("tuned", { picture_of: BOXES.map((_, p) => (p ? 1 : 0)) });
  assert.equal(canSubtract(base, other), false);
});
