// What speaks for and against an answer: its modality tag, words that disagree with it, its reward in parts.

/** The text of the modality chip: what the tag says, and what the picture is where that is another thing. */
function modalityText(column) {
  const check = column.modality_check;
  if (check?.state === "unknown tag") return "Unknown tag: " + check.said;
  if (!column.modality) return "";
  const other = check?.state === "differs" ? ", picture: " + check.known : "";
  return "Modality: " + column.modality + other;
}

/** Sentences that a reader must not miss, in showing order. */
function remarksOf(column) {
  const check = column.modality_check;
  const found = (column.contradictions ?? []).map((entry) => "Contradiction: " + entry.sentence);
  return check && ["differs", "unknown tag"].includes(check.state) ? [check.sentence, ...found] : found;
}

/** What is written on the card of a step or of the answer when the two disagree; "" when they don't. */
function flagOf(column, card) {
  const found = column.contradictions ?? [];
  if (card.kind === "step") return found.some((entry) => entry.step === card.step) ? "contradicts the answer" : "";
  if (card.kind !== "answer" || !found.length) return "";
  const steps = found.map((entry) => entry.step + 1).join(", ");
  return "contradicted by step " + steps;
}

/** One part of the reward in words: lit or not, its share of the sum, why it is zero, who found it. */
function rewardLine(part) {
  const lamp = part.value === null ? "? not computed" : part.value ? "● 1" : "○ 0";
  const why = part.reason ? ": " + part.reason : "";
  return lamp + " × " + part.weight.toFixed(4) + "  " + part.label + why + " (" + part.origin + ")";
}

function createReward() {
  const node = make("details", "wbv-reward");
  const title = node.appendChild(make("summary"));
  const about = node.appendChild(make("p", "wbv-small"));
  const parts = node.appendChild(make("ul"));
  const zero = node.appendChild(make("p", "wbv-small"));
  node.hidden = true;
  return {
    node,
    update(reward) {
      node.hidden = !reward;
      if (!reward) return;
      setText(title, "Composite reward: " + reward.total_text + " of 1");
      const standIns = reward.stand_ins ? " Stand-ins mark it, not the models of the paper." : "";
      setText(about, "“" + reward.answer + "” against “" + reward.gold + "”. " + reward.rule + "." + standIns);
      parts.replaceChildren(...reward.parts.map((part) => make("li", "", rewardLine(part))));
      setNotice(zero, reward.zero_reason ? "No accuracy can be earned: " + reward.zero_reason + "." : "");
    },
  };
}
