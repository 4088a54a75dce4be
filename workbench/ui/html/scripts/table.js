// A table; numbers (in `numeric` columns) stand on the right.
keepDrawn((host, value) => {
  if (!value) return fill(host);
  const numeric = new Set(value.numeric || []);
  const cell = (tag, text, at) =>
    make(tag, { scope: tag === "th" ? "col" : null, class: numeric.has(at) ? "wb-number" : null }, String(text));
  // The span stays in sight while a wide table scrolls under it.
  const caption = make("caption", {}, make("span", {}, value.caption || ""));
  if (!(value.rows || []).length) return fill(host, make("p", { class: "wb-facts" }, value.caption || ""));
  return fill(
    host,
    make(
      "table",
      {},
      caption,
      make("thead", {}, make("tr", {}, ...value.columns.map((text, at) => cell("th", text, at)))),
      make("tbody", {}, ...value.rows.map((row) => make("tr", {}, ...row.map((text, at) => cell("td", text, at))))),
    ),
  );
});
