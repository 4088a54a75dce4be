// Which words of the question carried a part, unpacked and in words.

import assert from "node:assert/strict";
import { test } from "node:test";

import { column } from "./cases.mjs";
import { viewer } from "./scope.mjs";

const FILES = ["dom", "text", "maps", "reading", "trust", "carried", "column"];
const { unpackCarried, carriedBy, readCarried } = viewer(FILES, ["unpackCarried", "carriedBy", "readCarried"]);

/** Units: two words of the question and both steps; rows: the second step, the answer. */
function asked(changes = {}) {
  const one = column("tuned", {
    text_maps: {
      method: "text_gradient", label: "Words", unit: "nats", caveat: "",
      keys: ["step:1", "answer"],
      units: ["question", "question", "step:0", "step:1"],
      question: [{ text: "Is", glue: "" }, { text: "fever", glue: " " }],
      q: Buffer.from([128, 255, 128, 0, 1, 255, 128, 192]).toString("base64"),
      peak: [1, 2],
      ...changes,
    },
  });
  return { ...one, carried: unpackCarried(one) };
}

const answer = { column: "tuned", kind: "answer", index: 0 };

test("bytes become signed values, and what comes later has none", () => {
  const found = asked().carried;
  assert.deepEqual(found.row("step:1"), [0, 1, 0, null]);
  assert.deepEqual(found.row("answer").map((value) => Math.round(100 * value) / 100), [-2, 2, 0, 1.01]);
  assert.equal(found.row("word:0"), null);
  assert.equal(unpackCarried({ text_maps: { refused: "no" } }), null);
});

test("the reading names what carried the answer most and what spoke against it", () => {
  const one = asked();
  const said = readCarried(one, carriedBy(one, answer));
  assert.match(said, /^The final answer was carried most by “fever” \(\+2\.00\), step 2 \(\+1\.01\)/);
  assert.match(said, /against it spoke “Is” \(−2\.00\)\. Words, in nats/);
});

test("a word without a row of its own shows its step's, and says so", () => {
  const one = asked();
  const found = carriedBy(one, { column: "tuned", kind: "word", index: 1 });
  assert.deepEqual(found.values, [0, 1, 0, null]);
  assert.match(readCarried(one, found), /its step, or the answer, is shown instead/);
});

test("another column's step colours nothing here, its answer does", () => {
  const one = asked();
  assert.equal(carriedBy(one, { column: "base", kind: "step", index: 0 }), null);
  assert.equal(carriedBy(one, { ...answer, column: "base" }).peak, 2);
});
