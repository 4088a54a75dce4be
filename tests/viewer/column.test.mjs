// A column's words cut into cards, and the step film's clock.

import assert from "node:assert/strict";
import { test } from "node:test";

import { viewer } from "./scope.mjs";

const { cardsOf } = viewer(["dom", "text", "maps", "column"], ["cardsOf"]);

function growing(texts, changes = {}) {
  return { words: texts.map((text) => ({ text, glue: " " })), steps: [], answer: null, ...changes };
}

test("steps, the answer, and text that belongs to neither are cards of their own", () => {
  const one = growing(["Well.", "Dark", "spot.", "So", "left."], {
    steps: [{ axis: "perception", words: [1, 3] }, { axis: "rationale", words: [3, 4] }],
    answer: { words: [4, 5] },
  });
  assert.deepEqual(
    cardsOf(one).map((card) => [card.kind, card.step, card.words]),
    [["other", -1, [0]], ["step", 0, [1, 2]], ["step", 1, [3]], ["answer", -1, [4]]],
  );
});

test("tags of the grammar are no words, and a lone modality tag makes no card", () => {
  const texts = ["<X-RAY>", "<think>", "Dark", "</think><answer>", "left"];
  const one = growing(texts, { steps: [{ axis: "perception", words: [2, 3] }], answer: { words: [4, 5] } });
  assert.deepEqual(cardsOf(one).map((card) => card.words), [[2], [4]]);
});

test("an answer that no word carries still has its card", () => {
  const alone = cardsOf(growing(["Dark"], { answer: { words: [9, 9] } }));
  assert.deepEqual(alone.map((card) => [card.kind, card.words]), [["other", [0]], ["answer", []]]);
});

test("cards keep their names while the answer grows, so that they are filled and not made anew", () => {
  const steps = [{ axis: "perception", words: [0, 2] }, { axis: "rationale", words: [2, 4] }];
  const early = cardsOf(growing(["a", "b", "c"], { steps })).map((card) => card.key);
  const later = cardsOf(growing(["a", "b", "c", "d"], { steps })).map((card) => card.key);
  assert.deepEqual(early, later);
});

/** A film of `count` steps without a page: `shown` lists the steps that it asked for, `tick` is its clock. */
function film(count, lessMotion = false) {
  let due = null;
  const { createFilm } = viewer(["dom", "text", "film"], ["createFilm"], {
    window: { matchMedia: () => ({ matches: lessMotion }) },
    setInterval: (act) => (due = act),
    clearInterval: () => (due = null),
  });
  const listeners = {};
  const button = (name) => ({ isConnected: true, addEventListener: (_event, act) => (listeners[name] = act) });
  const parts = { play: button("play"), back: button("back"), forward: button("forward"), place: {}, note: {} };
  const shown = [];
  const now = () => shown.at(-1) ?? -1;
  createFilm(parts, { steps: () => count, current: now, show: (index) => shown.push(index) }).refresh();
  return { parts, shown, press: (name) => listeners[name](), tick: () => due?.() };
}

test("the film shows each step for a while and stops at the last", () => {
  const { parts, shown, press, tick } = film(3);
  press("play");
  assert.deepEqual(shown, [0]);
  assert.equal(parts.play.textContent, "Pause");
  tick();
  assert.deepEqual(shown, [0, 1]);
  for (let n = 0; n < 5; n++) tick();
  assert.deepEqual(shown, [0, 1, 2]);
  assert.equal(parts.play.textContent, "Play steps");
  press("play"); // from the last step it begins again
  press("forward"); // a step by hand stops it
  tick();
  assert.deepEqual(shown, [0, 1, 2, 0, 1]);
});

test("a film does not play when less motion is wished, but its steps can be walked", () => {
  const { parts, shown, press } = film(3, true);
  assert.equal(parts.play.disabled, true);
  assert.match(parts.note.textContent, /less motion/);
  press("forward");
  press("forward");
  assert.deepEqual(shown, [0, 1]);
});
