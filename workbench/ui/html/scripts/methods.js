// Heat maps of one span by several methods, all on one scale.
const SCALES = [
  { signed: false, label: "evidence for the words", ends: ["0", "100 %"] },
  { signed: true, label: "against (−) and for (+) the words", ends: ["−100 %", "100 %"] },
];

function legend(cards, scales) {
  const used = scales.filter((scale) => cards.some((card) => card.src && card.signed === scale.signed));
  return used.map((scale) =>
    make(
      "p",
      { class: "wb-scale" },
      make("span", {}, scale.ends[0]),
      make("span", { class: scale.signed ? "wb-ramp wb-ramp-signed" : "wb-ramp", "aria-hidden": "true" }),
      make("span", {}, scale.ends[1]),
      make("span", { class: "wb-small" }, scale.label),
    ),
  );
}

function refusedCard(card) {
  return make(
    "article",
    { class: "wb-method" },
    make("h4", {}, card.label),
    make("p", { class: "wb-notice" }, make("strong", {}, "No map. " + card.refused), card.hint ? " " + card.hint : null),
    make("p", {}, card.meaning),
  );
}

function smallTable(table) {
  if (!table) return null;
  const row = (tag, texts) => make("tr", {}, ...texts.map((text) => make(tag, { scope: tag === "th" ? "col" : null }, text)));
  return make(
    "div",
    { class: "wb-table" },
    make(
      "table",
      {},
      make("caption", {}, table.caption),
      make("thead", {}, row("th", table.columns)),
      make("tbody", {}, ...table.rows.map((texts) => row("td", texts))),
    ),
  );
}

function methodCard(card) {
  if (card.refused !== undefined) return refusedCard(card);
  return make(
    "article",
    { class: "wb-method" },
    make("h4", {}, card.label),
    make("img", { src: card.src, alt: card.alt }),
    make("ul", {}, ...card.figures.map((text, at) => make("li", { class: at ? "wb-small" : "wb-share" }, text))),
    card.trust ? make("p", { class: "wb-measured" }, card.trust) : null,
    smallTable(card.table),
    make("p", {}, card.meaning),
    card.warning ? make("p", { class: "wb-caution" }, make("strong", {}, "Caution: "), card.warning) : null,
    card.note ? make("p", { class: "wb-small" }, card.note) : null,
  );
}

keepDrawn((host, value) => {
  if (!value) return fill(host);
  const waiting = value.waiting || [];
  return fill(
    host,
    make("p", { class: "wb-facts" }, value.note),
    ...legend(value.cards, value.scales || SCALES),
    make("div", { class: "wb-grid" }, ...value.cards.map(methodCard)),
    waiting.length ? make("p", { class: "wb-small" }, "Still to come: " + waiting.join(", ") + ".") : null,
  );
});
