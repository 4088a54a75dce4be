// What was done to the picture, as a list.
keepDrawn((host, value) => {
  if (!value || !value.facts) return fill(host);
  const notes = value.notes || [];
  return fill(
    host,
    make("p", { class: "wb-facts" }, value.facts),
    notes.length ? make("ul", {}, ...notes.map((note) => make("li", {}, note))) : null,
  );
});
