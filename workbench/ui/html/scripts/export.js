// Files are made in the page from what is on it; nothing is stored on the server.
function save(file) {
  const href = file.href || URL.createObjectURL(new Blob([file.text], { type: file.type }));
  const link = make("a", { href, download: file.name });
  link.click();
  if (!file.href) setTimeout(() => URL.revokeObjectURL(href), 10000);
}

keepDrawn((host, value) => {
  const files = Array.isArray(value) ? value : [];
  fill(
    host,
    ...files.map((file) => {
      const button = make("button", { type: "button", class: "wb-chip" }, "Save: " + file.label);
      button.addEventListener("click", () => save(file));
      return button;
    }),
  );
});
