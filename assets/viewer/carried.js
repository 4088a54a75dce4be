// Text attribution: which words of the question, and which steps, carried the part that is selected.

/** Unpacks one column's text maps; null where there are none. Code 0 is a part that can't have carried anything. */
function unpackCarried(column) {
  const maps = column.text_maps;
  if (!maps || maps.refused !== undefined) return null;
  const codes = bytesFromBase64(maps.q);
  const places = new Map(maps.keys.map((key, place) => [key, place]));
  const count = maps.units.length;
  return {
    ...maps,
    /** Values of all units in the method's unit, null where one can't have carried the span; null without a map. */
    row(key) {
      const place = places.get(key);
      if (place === undefined) return null;
      const own = codes.subarray(place * count, (place + 1) * count);
      return Array.from(own, (code) => (code === 0 ? null : ((code - 128) / 127) * maps.peak[place]));
    },
  };
}

/**
 * { values, peak, label, note } of the selected part in a column; null where it has none. A word without a row of
 * its own shows its step's; another column shows its own answer or whole text when those are selected.
 */
function carriedBy(column, selection) {
  const maps = column?.carried;
  if (!maps || !selection) return null;
  const own = selection.column === column.key;
  if (!own && (selection.kind === "word" || selection.kind === "step")) return null;
  let { kind, index } = selection;
  let note = "";
  if (kind === "word" && !maps.row(spanKey(kind, index))) {
    const step = stepOfWord(column, index);
    kind = step >= 0 ? "step" : inAnswer(column, index) ? "answer" : "all";
    index = Math.max(0, step);
    note = TEXT.carriedShared;
  }
  const values = maps.row(spanKey(kind, index));
  if (!values) return null;
  return { values, peak: peakOf(values), label: spanLabel(column, { kind, indices: [index] }), note };
}

const CARRIED_NAMED = 3;

/** The text map in words. */
function readCarried(column, found) {
  if (!found) return "";
  const { units, question, label } = column.carried;
  const name = (at) => (units[at] === "question" ? quoted(question[at].text) : stepName(units[at]));
  const ranked = found.values
    .map((value, at) => ({ value: value ?? 0, at }))
    .filter((one) => Math.abs(one.value) >= 0.005)
    .sort((a, b) => b.value - a.value);
  const listed = (some) => some.map((one) => name(one.at) + " (" + signedNumber(one.value, 2) + ")").join(", ");
  const pro = ranked.filter((one) => one.value > 0).slice(0, CARRIED_NAMED);
  const contra = ranked.filter((one) => one.value < 0).slice(-CARRIED_NAMED).reverse();
  const parts = [];
  if (pro.length) parts.push(capital(found.label) + " was carried most by " + listed(pro));
  else parts.push("Nothing in the text before carried " + found.label);
  if (contra.length) parts.push("against it spoke " + listed(contra));
  return parts.join("; ") + ". " + label + ", in nats of its log probability." + (found.note ? " " + found.note : "");
}

function stepName(key) {
  return "step " + (Number(key.split(":")[1]) + 1);
}

/** Colours a node by a value: blue carried the part, orange spoke against it; nothing for null and 0. */
function paintCarried(node, value, peak, unit) {
  const strength = value && peak ? Math.abs(value) / peak : 0;
  node.classList.toggle("is-carrying", strength > 0);
  node.dataset.sign = value < 0 ? "against" : "for";
  node.style.setProperty("--carried", strength.toFixed(3));
  node.title = value === null || value === undefined ? "" : signedNumber(value) + " " + unit;
}
