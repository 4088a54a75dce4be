// From the bytes of the payload to the one map that is shown.
// A "map" here is { values, boxes, signed, unit, peak, sharedPeak, share, spanLabel, note, ... };
// a missing one is { missing: "why", hint: "what to do" }.

/** Unpacks the maps of one column; rows are values in the method's own unit. */
function unpackMaps(column) {
  const maps = column.maps;
  if (!maps || maps.refused !== undefined) return null;
  const codes = bytesFromBase64(maps.q);
  const patches = maps.boxes.length;
  const places = new Map(maps.keys.map((key, place) => [key, place]));
  const rows = new Map();
  return {
    ...maps,
    patches,
    /** Float32Array of the patches, or null where the span called `key` has no map. */
    row(key) {
      const place = places.get(key);
      if (place === undefined) return null;
      if (!rows.has(key)) rows.set(key, unpackRow(codes, place, patches, maps.peak[place], maps.signed));
      return rows.get(key);
    },
    /** Image share of a span, null where it is not known. */
    shareOf: (key) => (places.has(key) ? maps.share[places.get(key)] : null),
    /** Largest value of a span's map, 0 where it has none. */
    peakAt: (key) => (places.has(key) ? maps.peak[places.get(key)] : 0),
  };
}

function unpackRow(codes, index, patches, peak, signed) {
  const values = new Float32Array(patches);
  for (let p = 0; p < patches; p++) {
    const code = codes[index * patches + p];
    values[p] = signed ? ((code - 128) / 127) * peak : (code / 255) * peak;
  }
  return values;
}

/** The key of a span, as `Span.key` names it: "word:4", "step:0", "answer", "all". */
function spanKey(kind, index) {
  return kind === "word" || kind === "step" ? kind + ":" + index : kind;
}

function stepsOnAxis(column, axis) {
  return column.steps.flatMap((step, index) => (step.axis === axis ? [index] : []));
}

function stepOfWord(column, word) {
  return column.steps.findIndex((step) => word >= step.words[0] && word < step.words[1]);
}

function inAnswer(column, word) {
  return Boolean(column.answer) && word >= column.answer.words[0] && word < column.answer.words[1];
}

/**
 * What another column has in place of a selected span. Words have no partner in another text, so a word
 * stands for its step's axis, for the answer, or for everything, and `note` says so.
 */
function counterpart(own, selection, other) {
  let { kind, index } = selection;
  let note = "";
  if (kind === "word") {
    const step = stepOfWord(own, index);
    kind = step >= 0 ? "step" : inAnswer(own, index) ? "answer" : "all";
    index = step;
    note = "A single word has no partner in the other answer: ";
    note += kind === "step" ? "its step is shown instead." : "the " + spanName(kind) + " is shown instead.";
  }
  if (kind !== "step") return { kind, indices: [0], note };
  const axis = own.steps[index].axis;
  return { kind, axis, indices: stepsOnAxis(other, axis), note };
}

function spanName(kind) {
  return kind === "answer" ? "final answer" : "whole text";
}

/** Mean over several spans (steps that share an axis); null when none of them has a map. */
function meanRows(maps, keys) {
  const present = keys.filter((key) => maps.row(key) !== null);
  if (!present.length) return null;
  const values = new Float32Array(maps.patches);
  for (const key of present) {
    const source = maps.row(key);
    for (let p = 0; p < values.length; p++) values[p] += source[p] / present.length;
  }
  const shares = present.map((key) => maps.shareOf(key));
  const share = shares.includes(null) ? null : shares.reduce((sum, one) => sum + one, 0) / shares.length;
  return { values, share };
}

function peakOf(values) {
  let peak = 0;
  for (const value of values) peak = Math.max(peak, Math.abs(value));
  return peak;
}

/** Largest value of all spans of a kind in all columns drawn with the same method and unit. */
function sharedPeak(columns, kind, maps) {
  let peak = 0;
  for (const column of columns) {
    const other = column.unpacked;
    if (!other || other.method !== maps.method || other.unit !== maps.unit) continue;
    const count = kind === "word" ? column.words.length : kind === "step" ? column.steps.length : 1;
    for (let i = 0; i < count; i++) peak = Math.max(peak, other.peakAt(spanKey(kind, i)));
  }
  return peak;
}

function samePictures(a, b) {
  return (a.picture_of ?? []).join() === (b.picture_of ?? []).join();
}

function sameBoxes(a, b) {
  return a.length === b.length && a.every((box, p) => box.every((edge, i) => edge === b[p][i]));
}

/** Whether tuned − base can be shown at all. */
function canSubtract(base, tuned) {
  const [a, b] = [base?.unpacked, tuned?.unpacked];
  return Boolean(a && b && a.method === b.method && a.unit === b.unit && sameBoxes(a.boxes, b.boxes) && samePictures(a, b));
}

/** The selected span's map in the column `key`. */
function columnMap(columns, selection, key) {
  const column = columns.find((one) => one.key === key);
  const own = columns.find((one) => one.key === selection.column);
  const refused = column.maps && column.maps.refused !== undefined;
  if (refused) {
    const { refused: missing, hint = "", state } = column.maps;
    return { missing, hint, refused: true, ...(state ? { state } : {}) };
  }
  const maps = column.unpacked;
  if (!maps) return { missing: TEXT.noMapYet, hint: "" };
  const part =
    key === selection.column
      ? { kind: selection.kind, indices: [selection.index], note: "" }
      : counterpart(own, selection, column);
  const found = meanRows(maps, part.indices.map((index) => spanKey(part.kind, index)));
  if (!found) return { missing: TEXT.noMapForSpan, hint: "" };
  return {
    ...found,
    boxes: maps.boxes,
    pictureOf: maps.picture_of,
    signed: maps.signed,
    unit: maps.unit,
    method: maps.label,
    caveat: maps.caveat,
    peak: peakOf(found.values),
    sharedPeak: sharedPeak(columns, part.kind, maps),
    kind: part.kind,
    indices: part.indices,
    column: key,
    spanLabel: spanLabel(column, part),
    note: part.note,
  };
}

/**
 * A map as one of several pictures shows it: patches of the others get no place and no value, so that the
 * numbers of patches stay. Scale and image share are still those of all pictures; `part` is this picture's.
 */
function onPicture(map, place) {
  if (map.missing || !map.pictureOf) return map;
  const here = (p) => map.pictureOf[p] === place;
  const sizes = new Array(Math.max(...map.pictureOf) + 1).fill(0);
  map.values.forEach((value, p) => (sizes[map.pictureOf[p]] += Math.abs(value)));
  const total = sizes.reduce((sum, one) => sum + one, 0);
  return {
    ...map,
    values: map.values.map((value, p) => (here(p) ? value : 0)),
    boxes: map.boxes.map((box, p) => (here(p) ? box : [0, 0, 0, 0])),
    parts: sizes.map((size) => (total > 0 ? size / total : 0)),
    part: total > 0 ? (sizes[place] ?? 0) / total : 0,
    place,
  };
}

/** Tuned minus base for steps of one axis, the answer, or everything. */
function differenceMap(columns, selection) {
  const [base, tuned] = ["base", "tuned"].map((key) => columns.find((one) => one.key === key));
  if (!canSubtract(base, tuned)) return { missing: TEXT.noDifference, hint: "" };
  const own = columns.find((one) => one.key === selection.column);
  const parts = [base, tuned].map((column) => {
    const part = counterpart(own, selection, column);
    return { part, ...meanRows(column.unpacked, part.indices.map((i) => spanKey(part.kind, i))) };
  });
  if (!parts[0].values || !parts[1].values) {
    return { missing: "One of the two answers has nothing to compare here.", hint: "" };
  }
  const values = parts[1].values.map((value, p) => value - parts[0].values[p]);
  const { kind, axis, note } = parts[1].part;
  return {
    values,
    boxes: tuned.unpacked.boxes,
    pictureOf: tuned.unpacked.picture_of,
    signed: true,
    difference: true,
    unit: tuned.unpacked.unit,
    method: tuned.unpacked.label,
    caveat: tuned.unpacked.caveat,
    share: parts[1].share,
    baseShare: parts[0].share,
    peak: peakOf(values),
    sharedPeak: sharedPeak(columns, kind, tuned.unpacked),
    kind,
    column: "tuned",
    spanLabel: kind === "step" ? "the " + axis + " steps" : "the " + spanName(kind),
    note: (note ? note + " " : "") + (base.text === tuned.text ? TEXT.sameTexts : TEXT.differentTexts),
  };
}

function spanLabel(column, part) {
  if (part.kind === "word") return "the word " + quoted(column.words[part.indices[0]].text);
  if (part.kind !== "step") return "the " + spanName(part.kind);
  const axis = column.steps[part.indices[0]].axis;
  if (part.indices.length > 1) return "the " + axis + " steps (their mean)";
  return "step " + (part.indices[0] + 1) + " (" + axis + ")";
}

/** Patch under a point of the picture (smallest box that holds it), or -1. */
function patchAt(boxes, x, y) {
  let best = -1;
  let smallest = Infinity;
  boxes.forEach(([x0, y0, x1, y1], p) => {
    const area = (x1 - x0) * (y1 - y0);
    if (area > 0 && x >= x0 && x < x1 && y >= y0 && y < y1 && area < smallest) {
      smallest = area;
      best = p;
    }
  });
  return best;
}

/** Words for which a patch carries at least half of what it carries for any word; at most six. */
function wordsOfPatch(column, patch) {
  const maps = column.unpacked;
  if (!maps) return [];
  const weights = column.words.map((_, word) => maps.row(spanKey("word", word))?.[patch] ?? 0);
  const top = Math.max(0, ...weights);
  if (top === 0) return [];
  return weights
    .map((weight, word) => ({ weight, word }))
    .filter((one) => one.weight >= top / 2)
    .sort((a, b) => b.weight - a.weight)
    .slice(0, 6)
    .map((one) => one.word);
}
