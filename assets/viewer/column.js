// One model's column: status, steps as cards, words one can select, answer and options. It is filled
// again and again while the answer grows; nodes are kept, so focus and selection stay where they are.

// Tags of the answer grammar are never words; other lone tags (a modality) are shown as chips instead.
const GRAMMAR_WORD = /^(<\/?(think|thinking|answer)>)+$/i;
const TAG_WORD = /^<\/?[\w\s-]+>$/;

/** Cuts the words into cards: the steps, the answer, and text that belongs to neither. */
function cardsOf(column) {
  const cards = [];
  column.words.forEach((word, index) => {
    if (GRAMMAR_WORD.test(word.text)) return;
    const step = stepOfWord(column, index);
    const kind = step >= 0 ? "step" : inAnswer(column, index) ? "answer" : "other";
    const last = kind === "step" ? cards.find((card) => card.step === step) : cards[cards.length - 1];
    if (last && last.kind === kind) last.words.push(index);
    else cards.push({ kind, step, words: [index], key: kind + "-" + (step >= 0 ? step : cards.length) });
  });
  const hidden = (card) => card.kind === "other" && card.words.every((i) => TAG_WORD.test(column.words[i].text));
  const shown = cards.filter((card) => !hidden(card));
  if (column.answer && !shown.some((card) => card.kind === "answer")) {
    shown.push({ kind: "answer", step: -1, words: [], key: "answer-alone" });
  }
  return shown;
}

function createColumn(key, select) {
  const node = make("article", "wbv-column");
  const head = node.appendChild(make("header", "wbv-column-head"));
  const title = head.appendChild(make("h3", "wbv-title"));
  const subtitle = head.appendChild(make("p", "wbv-small"));
  const chips = head.appendChild(make("div", "wbv-chips"));
  const status = chips.appendChild(make("span", "wbv-chip wbv-status"));
  const modality = chips.appendChild(make("span", "wbv-chip"));
  const parse = chips.appendChild(make("span", "wbv-chip"));
  const recovered = chips.appendChild(make("span", "wbv-chip wbv-recovered", TEXT.recovered));
  const whole = chips.appendChild(make("button", "wbv-whole", "Map of the whole text"));
  const message = node.appendChild(make("p", "wbv-message"));
  const remarks = node.appendChild(make("ul", "wbv-remarks"));
  const refused = node.appendChild(make("p", "wbv-refused"));
  const plain = node.appendChild(make("p", "wbv-plain"));
  const earlier = node.appendChild(make("div", "wbv-earlier"));
  const asked = node.appendChild(make("p", "wbv-text wbv-question"));
  const body = node.appendChild(make("div", "wbv-cards"));
  const options = node.appendChild(make("ul", "wbv-options"));
  const reward = createReward();
  node.append(reward.node);
  const cards = new Map();
  const words = [];
  let column = null;
  let told = "";
  let active = 0;
  node.dataset.column = key;
  whole.type = "button";
  status.setAttribute("role", "status");
  options.setAttribute("aria-label", "Probability of each option");

  whole.addEventListener("click", () => select({ column: key, kind: "all", index: 0 }));
  body.addEventListener("click", (event) => {
    const word = event.target.closest("[data-word]");
    const step = event.target.closest("[data-step]");
    if (word) pickWord(Number(word.dataset.word));
    else if (step) select({ column: key, kind: "step", index: Number(step.dataset.step) });
    else if (event.target.closest("[data-answer]")) select({ column: key, kind: "answer", index: 0 });
  });
  body.addEventListener("keydown", (event) => {
    const word = event.target.closest("[data-word]");
    if (!word || event.altKey || event.ctrlKey || event.metaKey) return;
    const at = Number(word.dataset.word);
    if (event.key === "Enter" || event.key === " ") pickWord(at);
    else if (!moveFocus(event.key, at)) return;
    event.preventDefault();
  });

  function pickWord(index) {
    setActive(index);
    select({ column: key, kind: "word", index });
  }

  /** One word of a column is in the tab order; arrow keys reach the others. */
  function setActive(index) {
    if (words[active]) words[active].node.tabIndex = -1;
    active = clamp(index, 0, Math.max(0, words.length - 1));
    if (words[active]) words[active].node.tabIndex = 0;
  }

  function moveFocus(name, at) {
    const shown = words.flatMap((word, index) => (word.node.isConnected ? [index] : []));
    const place = shown.indexOf(at);
    const cardOf = (index) => words[index].node.closest(".wbv-card");
    const forward = shown.slice(place + 1);
    const backward = shown.slice(0, Math.max(0, place)).reverse();
    const other = (list) => list.find((index) => cardOf(index) !== cardOf(at));
    const targets = {
      ArrowRight: forward[0],
      ArrowLeft: backward[0],
      ArrowDown: other(forward),
      ArrowUp: other(backward),
      Home: shown[0],
      End: shown[shown.length - 1],
    };
    if (!(name in targets)) return false;
    if (targets[name] === undefined) return true;
    setActive(targets[name]);
    words[active].node.focus();
    return true;
  }

  function fitWords() {
    while (words.length > column.words.length) {
      const gone = words.pop();
      gone.node.remove();
      gone.glue.remove();
    }
    column.words.forEach((word, index) => {
      if (!words[index]) {
        const button = make("span", "wbv-word");
        button.setAttribute("role", "button");
        button.tabIndex = -1;
        button.dataset.word = index;
        words.push({ node: button, glue: document.createTextNode(" ") });
      }
      setText(words[index].node, word.text);
      // Scripts written without spaces carry no glue between their words.
      const glue = word.glue ? " " : "";
      if (words[index].glue.data !== glue) words[index].glue.data = glue;
    });
    const first = cardsOf(column).flatMap((card) => card.words)[0] ?? 0;
    setActive(words[active]?.node.isConnected ? active : first);
  }

  function makeCard(card) {
    const holder = make("section", "wbv-card");
    const button = holder.appendChild(make("button", "wbv-card-head"));
    const parts = { holder, button, text: holder.appendChild(make("p", "wbv-text")) };
    button.type = "button";
    parts.name = button.appendChild(make("span", "wbv-card-name"));
    parts.flag = button.appendChild(make("span", "wbv-flag"));
    parts.share = button.appendChild(make("span", "wbv-share"));
    if (card.kind === "step") button.dataset.step = card.step;
    else if (card.kind === "answer") button.dataset.answer = "yes";
    else button.hidden = true;
    parts.text.setAttribute("role", "group");
    return parts;
  }

  function fillCard(parts, card) {
    const axis = card.kind === "step" ? column.steps[card.step].axis : card.kind;
    parts.holder.dataset.axis = axis;
    const step = card.step + 1 + " · " + (TEXT.axis[axis] ?? axis);
    const letter = column.answer?.letter ? "Answer " + column.answer.letter : "Answer";
    const name = card.kind === "step" ? step : letter;
    setText(parts.name, name);
    parts.text.setAttribute("aria-label", (card.kind === "other" ? "Text" : name) + ": arrow keys move, Enter selects");
    setNotice(parts.flag, flagOf(column, card));
    setText(parts.share, card.kind === "other" ? "" : shareText(card));
    if (!card.words.length) return setText(parts.text, column.answer?.text ?? "");
    const wanted = card.words.flatMap((index) => [words[index].glue, words[index].node]);
    wanted.forEach((child, at) => {
      if (parts.text.childNodes[at] !== child) parts.text.insertBefore(child, parts.text.childNodes[at] ?? null);
    });
    while (parts.text.childNodes.length > wanted.length) parts.text.lastChild.remove();
    return undefined;
  }

  function shareText(card) {
    const share = column.unpacked?.shareOf(spanKey(card.kind, Math.max(0, card.step)));
    return share === null || share === undefined ? "" : percent(share) + " from the image";
  }

  function fitCards() {
    const focused = words.find((word) => word.node === document.activeElement)?.node;
    const wanted = cardsOf(column);
    for (const [name, parts] of cards) {
      if (wanted.some((card) => card.key === name)) continue;
      parts.holder.remove();
      cards.delete(name);
    }
    wanted.forEach((card, at) => {
      if (!cards.has(card.key)) cards.set(card.key, makeCard(card));
      const parts = cards.get(card.key);
      fillCard(parts, card);
      if (body.children[at] !== parts.holder) body.insertBefore(parts.holder, body.children[at] ?? null);
    });
    // A word that moved to another card lost the focus on the way.
    if (focused && focused.isConnected && document.activeElement !== focused) focused.focus();
  }

  function fillHead() {
    setText(title, column.title);
    setNotice(subtitle, column.subtitle || "");
    setText(status, TEXT.status[column.status] ?? column.status);
    node.dataset.status = column.status;
    setNotice(modality, modalityText(column));
    modality.dataset.check = column.modality_check?.state ?? "";
    modality.title = column.modality_check?.sentence ?? "";
    const said = remarksOf(column);
    remarks.hidden = !said.length;
    remarks.replaceChildren(...said.map((sentence) => make("li", "", sentence)));
    const finished = column.status === "done" || column.status === "cancelled";
    const known = finished && column.parse && !column.recovered;
    setNotice(parse, known ? TEXT.parse[column.parse.status] ?? column.parse.status : "");
    parse.title = known && column.parse.rule ? "Rule: " + column.parse.rule : "";
    parse.dataset.parse = column.parse?.status ?? "";
    recovered.hidden = !column.recovered;
    whole.hidden = !column.unpacked && !column.carried;
    const bare = finished && !column.steps.length && column.words.length;
    const noSteps = bare ? (column.parse?.status === "no_trace" ? TEXT.noReasoning : TEXT.noSteps) : "";
    setNotice(message, [column.message || (TEXT.say[column.status] ?? ""), noSteps].filter(Boolean).join(" "));
    const no = column.maps?.refused;
    const state = column.maps?.state ?? "";
    const lead = state ? "" : "No heat map: ";
    setNotice(refused, no === undefined ? "" : lead + no + " " + (column.maps.hint || ""));
    refused.dataset.state = state;
    setNotice(plain, column.words.length ? "" : column.text || "");
  }

  /** The turns before this one, readable above it, and what was asked now. */
  function fillEarlier() {
    const turns = column.earlier ?? [];
    const coloured = Boolean(column.carried?.question?.length);
    const next = JSON.stringify([turns, column.asked ?? "", coloured]);
    if (next === told) return;
    told = next;
    earlier.hidden = !turns.length;
    earlier.replaceChildren(
      ...turns.flatMap((turn) => [
        make("p", "wbv-asked", turn.question),
        make("p", "wbv-said", turn.answer),
      ]),
      ...(turns.length && !coloured ? [make("p", "wbv-asked", column.asked ?? "")] : []),
    );
  }

  /** The question, word by word, where text maps say how much each of them carried. */
  function fillQuestion() {
    const question = column.carried?.question ?? [];
    asked.hidden = !question.length;
    asked.setAttribute("aria-label", "The question, as this model read it");
    asked.replaceChildren(
      ...question.flatMap((word) => [document.createTextNode(word.glue), make("span", "wbv-asked-word", word.text)]),
    );
  }

  function paintUnits(selection) {
    const found = carriedBy(column, selection);
    const units = column.carried?.units ?? [];
    const value = (at) => found?.values[at] ?? null;
    [...asked.children].forEach((word, at) => paintCarried(word, value(at), found?.peak, column.carried.unit));
    for (const parts of cards.values()) {
      const step = parts.button.dataset.step;
      const at = step === undefined ? -1 : units.indexOf("step:" + step);
      paintCarried(parts.text, at < 0 ? null : value(at), found?.peak, column.carried?.unit ?? "");
    }
  }

  function fillOptions() {
    options.hidden = !column.options.length;
    options.replaceChildren(
      ...column.options.map((option) => {
        const item = make("li", "wbv-option");
        item.dataset.chosen = option.letter === column.answer?.letter ? "yes" : "no";
        const name = option.letter + "  " + option.text;
        item.append(make("span", "wbv-option-text", name), make("span", "wbv-option-p", chanceText(option.p)));
        const bar = item.appendChild(make("span", "wbv-option-bar"));
        bar.appendChild(make("span")).style.width = 100 * clamp(option.p ?? 0, 0, 1) + "%";
        bar.setAttribute("aria-hidden", "true");
        return item;
      }),
    );
  }

  return {
    node,
    update(next) {
      column = next;
      fillHead();
      fillEarlier();
      fitWords();
      fitCards();
      setActive(active);
      fillQuestion();
      fillOptions();
      reward.update(column.reward);
    },

    /** Shows what is selected, which words a patch matters for, and how much each word took from the image. */
    mark({ selection, marked, underline }) {
      const mine = selection?.column === key ? selection : null;
      words.forEach(({ node: word }, index) => {
        setPressed(word, mine?.kind === "word" && mine.index === index);
        word.classList.toggle("is-marked", marked.includes(index));
        const share = underline ? column.unpacked?.share[index] : null;
        word.style.setProperty("--share", share ?? 0);
        word.classList.toggle("is-underlined", Boolean(share));
      });
      for (const parts of cards.values()) {
        const { step, answer } = parts.button.dataset;
        const pressed = step !== undefined ? mine?.kind === "step" && mine.index === Number(step) : mine?.kind === "answer";
        setPressed(parts.button, Boolean(pressed && (step !== undefined || answer)));
      }
      setPressed(whole, mine?.kind === "all");
      if (column) paintUnits(selection);
    },
  };
}

function chanceText(chance) {
  return chance === null || chance === undefined ? "unknown" : percent(chance);
}
