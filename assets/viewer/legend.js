// The colour bar with its numbers, and what is said about the map.

/** Stops of the colour bar from its low to its high end. */
function legendStops(look, count = 17) {
  return Array.from({ length: count }, (_, i) => {
    const t = i / (count - 1);
    return { t, colour: colourAt(look.colormap, t) };
  });
}

function legendNumbers(look) {
  return look.signed
    ? ["−" + plainNumber(look.top), "0", plainNumber(look.top)]
    : ["0", plainNumber(look.top / 2), plainNumber(look.top)];
}

function scaleSentence(map, look, sharedWithBoth) {
  const parts = [];
  if (look.scale === "shared") {
    const kinds = { word: "words", step: "steps", answer: "final answers", all: "whole texts" };
    parts.push("Scale shared over all " + kinds[map.kind] + (sharedWithBoth ? " of both models." : "."));
  } else parts.push("This map's own scale: colours of two maps can't be compared.");
  if (look.threshold > 0) parts.push("Values under " + percent(look.threshold) + " of the scale are hidden.");
  parts.push(look.blocks ? "One block is one patch." : "Smoothed between patch centres.");
  parts.push("Weaker evidence is more transparent, none is blank.");
  return parts.join(" ");
}

function drawLegend(parts, map, look, sharedWithBoth) {
  const drawable = Boolean(map) && !map.missing;
  parts.legend.hidden = !drawable;
  if (!drawable) return;
  const stops = legendStops(look).map((stop) => stop.colour + " " + (100 * stop.t).toFixed(1) + "%");
  parts.bar.style.background = "linear-gradient(to right, " + stops.join(", ") + ")";
  legendNumbers(look).forEach((number, i) => setText(parts.numbers[i], number));
  setText(parts.unit, (map.difference ? "Tuned − base, " : "") + map.unit);
  setText(parts.method, map.method);
  setText(parts.scaleNote, scaleSentence(map, look, sharedWithBoth));
  setNotice(parts.caveat, map.caveat || "");
}
