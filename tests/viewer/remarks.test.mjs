// Chips and sentences about a tag, about words that disagree, and about the reward.

import assert from "node:assert/strict";
import { test } from "node:test";

import { viewer } from "./scope.mjs";

const NAMES = ["modalityText", "remarksOf", "flagOf", "rewardLine"];
const { modalityText, remarksOf, flagOf, rewardLine } = viewer(["dom", "text", "remarks"], NAMES);
const DIFFERS = { state: "differs", said: "<X_RAY>", known: "CT", sentence: "It is a CT." };
const FOUND = { step: 2, sentence: "Step 3 concludes “mass”, the answer is “cyst”." };

test("the chip says what the tag says, and what the picture is where that differs", () => {
  assert.equal(modalityText({ modality: "X-ray", modality_check: { state: "agrees" } }), "Modality: X-ray");
  assert.equal(modalityText({ modality: "X-ray" }), "Modality: X-ray");
  assert.equal(modalityText({ modality: "X-ray", modality_check: DIFFERS }), "Modality: X-ray, picture: CT");
  assert.equal(modalityText({ modality: null, modality_check: { state: "unknown tag", said: "<CT>" } }), "Unknown tag: <CT>");
  assert.equal(modalityText({ modality: null, modality_check: { state: "no tag" } }), "");
});

test("a wrong tag and every contradiction are said; a right or unknown one is not", () => {
  const column = { modality_check: DIFFERS, contradictions: [FOUND] };
  assert.deepEqual(remarksOf(column), ["It is a CT.", "Contradiction: " + FOUND.sentence]);
  assert.deepEqual(remarksOf({ modality_check: { state: "not known", sentence: "?" }, contradictions: [] }), []);
  assert.deepEqual(remarksOf({}), []);
});

test("the step and the answer that disagree are both marked", () => {
  const column = { contradictions: [FOUND] };
  assert.equal(flagOf(column, { kind: "step", step: 2 }), "contradicts the answer");
  assert.equal(flagOf(column, { kind: "step", step: 1 }), "");
  assert.equal(flagOf(column, { kind: "answer", step: -1 }), "contradicted by step 3");
  assert.equal(flagOf({ contradictions: [] }, { kind: "answer", step: -1 }), "");
});

test("a part of the reward says its value, weight, reason and who found it", () => {
  const part = { label: "near answer", value: 0, weight: 0.3375, reason: "too far", origin: "trigrams" };
  assert.equal(rewardLine(part), "○ 0 × 0.3375  near answer: too far (trigrams)");
  assert.match(rewardLine({ ...part, value: null }), /^\? not computed/);
  assert.match(rewardLine({ ...part, value: 1, reason: "" }), /^● 1 × 0.3375 {2}near answer \(trigrams\)$/);
});
