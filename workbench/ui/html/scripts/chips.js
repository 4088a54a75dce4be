// Suggested questions; choosing one puts it into the question box.
keepDrawn((host, value) => {
  const texts = Array.isArray(value) ? value : [];
  fill(
    host,
    ...texts.map((text) => {
      const chip = make("button", { type: "button", class: "wb-chip" }, text);
      chip.addEventListener("click", () => trigger("click", { text }));
      return chip;
    }),
  );
});
