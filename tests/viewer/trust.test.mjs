// The trust line: which measurement belongs to the map that is shown, and how it is said.

import assert from "node:assert/strict";
import { test } from "node:test";

import { viewer } from "./scope.mjs";

const { trustOf, signedNumber } = viewer(["text", "maps", "reading", "trust"], ["trustOf", "signedNumber"]);

const LINE = {
  verdict: "localised and causal", reason: "", share: 0.4, gap: 0.1234, loss: 1.5, chance: 0.02, agreement: -0.25,
  agreement_note: "", pictures: 102, orders: 5,
};
const trust = { case: "one", busy: false, columns: { tuned: { label: "Attention", spans: { "step:1": LINE } } } };
const column = { maps: { label: "Attention" } };
const map = { column: "tuned", kind: "step", indices: [1] };
const said = (changes = {}) => {
  const now = { trust, payload: { case: "one" }, column, map, ...changes };
  return trustOf(now.trust, now.payload, now.column, now.map);
};

test("the measured numbers of the shown span", () => {
  assert.deepEqual(said(), {
    state: "good",
    verdict: "Localised and causal: the words depend on what this map marks.",
    numbers:
      "Image share 40 %; without its strongest places the words lose 1.5 nats, and 2 % or fewer of random choices " +
      "do as much; deletion and insertion +0.123 nats against random; agreement with occlusion −0.25. Measured on " +
      "this answer, n = 102 altered pictures, 5 random orders.",
  });
});

test("nothing is said of another case, another method, a difference or a missing map", () => {
  assert.equal(said({ payload: { case: "two" } }), null);
  assert.equal(said({ column: { maps: { label: "Rollout" } } }), null);
  assert.equal(said({ map: { ...map, difference: true } }), null);
  assert.equal(said({ map: { missing: "None." } }), null);
  assert.equal(said({ trust: null }), null);
});

test("words and means are not measured, and a span that waits its turn says so", () => {
  assert.match(said({ map: { ...map, kind: "word" } }).numbers, /not for single words/);
  assert.match(said({ map: { ...map, indices: [0, 1] } }).numbers, /mean of several steps/);
  assert.equal(said({ map: { ...map, indices: [0] } }), null);
  assert.equal(said({ map: { ...map, indices: [0] }, trust: { ...trust, busy: true } }).state, "busy");
});

test("what could not be measured says why", () => {
  const spans = { "step:1": { ...LINE, verdict: "not computable", reason: "The map is empty." } };
  const found = said({ trust: { ...trust, columns: { tuned: { label: "Attention", spans } } } });
  assert.deepEqual([found.state, found.numbers], ["none", "Trust not measured. The map is empty."]);
});

test("signed numbers carry their sign, and what rounds to zero has none", () => {
  const shown = [0.0004, -0.0004, 0.25, -0.25].map((value) => signedNumber(value));
  assert.deepEqual(shown, ["0", "0", "+0.250", "−0.250"]);
});
