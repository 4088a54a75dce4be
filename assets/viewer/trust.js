// The trust line: what was measured about the map that is shown, or that it is still being measured.

/** { verdict, numbers, state } for the shown map; null when there is nothing to say about it. */
function trustOf(trust, payload, column, map) {
  if (!map || map.missing || map.difference || !trust || trust.case !== payload?.case) return null;
  const measured = trust.columns?.[map.column];
  if (!measured || measured.label !== column.maps.label) return null;
  if (map.kind === "word") return { state: "none", verdict: "", numbers: TEXT.trustWords };
  if (map.indices.length > 1) return { state: "none", verdict: "", numbers: TEXT.trustMean };
  const line = measured.spans[spanKey(map.kind, map.indices[0])];
  if (!line) return trust.busy ? { state: "busy", verdict: TEXT.trustMeasuring, numbers: "" } : null;
  const state = TRUST_STATES[line.verdict] ?? "none";
  if (line.reason) return { state: "none", verdict: "", numbers: "Trust not measured. " + line.reason };
  return { state, verdict: TEXT.verdict[line.verdict] ?? capital(line.verdict) + ".", numbers: trustNumbers(line) };
}

const TRUST_STATES = {
  "localised and causal": "good",
  "looked but not causal": "poor",
  "no localised evidence": "poor",
};

function trustNumbers(line) {
  const parts = [];
  if (line.share !== null) parts.push("image share " + percent(line.share));
  if (line.gap !== null) {
    parts.push("without its strongest places the words lose " + plainNumber(line.loss) + " nats, and " +
      percent(line.chance) + " or fewer of random choices do as much");
    parts.push("deletion and insertion " + signedNumber(line.gap) + " nats against random");
  }
  if (line.agreement !== null) parts.push("agreement with occlusion " + signedNumber(line.agreement, 2));
  else if (line.agreement_note) parts.push("no agreement figure: " + line.agreement_note);
  const origin = "Measured on this answer, n = " + line.pictures + " altered pictures, " + line.orders + " random orders";
  return capital(parts.join("; ")) + ". " + origin + ".";
}

function signedNumber(value, places = 3) {
  const text = Math.abs(value).toFixed(places);
  if (Number(text) === 0) return "0";
  return (value > 0 ? "+" : "−") + text;
}
