// A sentence on what went wrong and what to do; stays until the next success.
keepDrawn((host, value) => {
  if (!value || !value.message) return fill(host);
  return fill(
    host,
    make("div", { class: "wb-notice" }, make("strong", {}, value.message), value.hint ? " " + value.hint : null),
  );
});
