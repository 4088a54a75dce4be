// The example cases as buttons with a picture.
keepDrawn((host, value) => {
  const cases = Array.isArray(value) ? value : [];
  fill(
    host,
    ...cases.map((example) => {
      const button = make(
        "button",
        { type: "button", class: "wb-case" },
        make("img", { src: example.thumbnail, alt: example.alt, width: 56, height: 56 }),
        make(
          "span",
          {},
          make("strong", {}, example.title),
          make("span", { class: "wb-small" }, example.modality),
        ),
      );
      button.addEventListener("click", () => trigger("click", { example: example.id }));
      return button;
    }),
  );
});
