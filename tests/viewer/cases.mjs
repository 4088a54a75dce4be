// A column as the payload describes it, with round numbers: four words, two steps of one word, an answer.

/** Four patches of 10 × 10 pixels in a square of 20 × 20. */
export const BOXES = [[0, 0, 10, 10], [10, 0, 20, 10], [0, 10, 10, 20], [10, 10, 20, 20]];

function base64(codes) {
  return Buffer.from(codes).toString("base64");
}

/** Rows: words 0-3, steps 4-5, answer 6, everything 7. Row r has its peak r + 1 in patch r % 4, nothing else. */
export function column(key, changes = {}) {
  const codes = Array.from({ length: 8 }, (_, row) => BOXES.map((_box, patch) => (patch === row % 4 ? 255 : 0)));
  return {
    key,
    text: "Dark spot. So left.",
    words: ["Dark", "spot.", "So", "left."].map((text) => ({ text, glue: " " })),
    steps: [{ axis: "perception", words: [0, 1] }, { axis: "rationale", words: [1, 2] }],
    answer: { text: "left", letter: "A", words: [3, 4] },
    maps: {
      method: "attention_mean",
      label: "Mean attention",
      unit: "share of attention",
      signed: false,
      caveat: "Looking is not knowing.",
      boxes: BOXES,
      keys: ["word:0", "word:1", "word:2", "word:3", "step:0", "step:1", "answer", "all"],
      q: base64(codes.flat()),
      peak: [1, 2, 3, 4, 5, 6, 7, 8],
      share: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, null],
    },
    ...changes,
  };
}
