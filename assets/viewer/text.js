// Every sentence the viewer says, in one place.

const TEXT = {
  empty: "Add an image and ask a question, or pick an example.",
  noPicture: "This question was asked without a picture.",
  carriedHint: "Click a step, a word or the answer: the words of the question and the steps that carried it are coloured.",
  carriedShared: "A single word has no score of its own here: its step, or the answer, is shown instead.",
  recovered: "Recovered: asked again for a letter",
  badPicture: "The picture could not be shown.",
  notice: "Research and teaching prototype. Not a medical device.",
  honest: "Heat maps show what influenced the model, not where disease is.",
  pickOne: "Choose a word or a step to see what in the picture it rested on.",
  noMapYet: "There is no heat map for this answer yet.",
  noMapForSpan: "There is no heat map for this part of the answer.",
  emptyMap: "No evidence in the picture: this map is empty.",
  shareUnknown: "This method does not say how much evidence came from the image.",
  viewChanged: "View changed: only your screen, the models saw the original",
  seenView: "What the model saw",
  seenOtherShape: "The model saw the picture in another shape, so no map is drawn on it here.",
  lessMotion: "Your system asks for less motion: use previous and next.",
  noDifference: "The difference needs both models' maps from the same method.",
  differentTexts:
    "Each model's map belongs to its own answer; the two texts differ. The Methods tab compares both models " +
    "on the very same words.",
  sameTexts: "Both models wrote the same text, so these are the same words.",
  noSteps: "This answer has no steps; its words can still be selected.",
  noReasoning:
    "The model gives no reasoning with this answer: there are no steps to read. Select the answer to see what it " +
    "rested on.",
  trustMeasuring: "Measuring how far this map can be believed…",
  trustWords: "Trust is measured for steps and answers, not for single words.",
  trustMean: "This is a mean of several steps; select one step to see how far its map can be believed.",
  verdict: {
    "localised and causal": "Localised and causal: the words depend on what this map marks.",
    "looked but not causal":
      "Looked but not causal: the words were not shown to depend on what this map marks more than on chance.",
    "no localised evidence": "No localised evidence: this map points nowhere in particular.",
    "not computable": "Not measured.",
  },
  status: {
    empty: "Nothing asked yet",
    waiting: "Waiting",
    streaming: "Writing…",
    done: "Finished",
    cancelled: "Stopped",
    failed: "Failed",
  },
  say: {
    empty: "",
    waiting: "Waiting for this model's turn.",
    streaming: "",
    done: "",
    cancelled: "Stopped before the end. The text written so far is kept.",
    failed: "This model could not answer.",
  },
  parse: {
    ok: "Steps read",
    no_trace: "No reasoning given",
    no_answer: "No final answer",
    truncated: "Cut off at the length limit",
    recovered: "Read with a tolerant rule",
    empty: "Nothing written",
  },
  axis: { perception: "Perception", knowledge: "Knowledge", rationale: "Rationale" },
};

function percent(share) {
  if (share > 0 && share < 0.005) return "under 1 %";
  return Math.round(100 * share) + " %";
}

/** A value with two or three meaningful digits and no exponent. */
function plainNumber(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  if (size >= 0.01) return String(Number(value.toPrecision(3)));
  const places = Math.min(12, 1 - Math.floor(Math.log10(size)));
  return value.toFixed(places);
}

function quoted(text) {
  return "“" + (text.length > 60 ? text.slice(0, 57) + "…" : text) + "”";
}
