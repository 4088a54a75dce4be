// A picture pasted anywhere on the page goes the same way as a dropped file.
keepDrawn(() => undefined);
document.addEventListener("paste", (event) => {
  const files = event.clipboardData ? event.clipboardData.files : [];
  const input = document.querySelector("#case-file input[type=file]");
  if (!files.length || !input) return;
  const carried = new DataTransfer();
  carried.items.add(files[0]);
  input.files = carried.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  event.preventDefault();
});
