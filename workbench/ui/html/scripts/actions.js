// After `markup.js`: elements with `data-act` (JSON from Python) tell Python when they are clicked; what was
// clicked has the focus again after the new drawing, so that the keyboard is not thrown to the top.
let acted = null;

element.addEventListener("click", (event) => {
  const target = event.target.closest("[data-act]");
  if (!target || !element.contains(target) || target.disabled) return;
  acted = target.dataset.key || target.dataset.act;
  trigger("click", JSON.parse(target.dataset.act));
});

watch("value", () => {
  if (acted === null || (document.activeElement && document.activeElement !== document.body)) return;
  const again = [...element.querySelectorAll("[data-act]")].find(
    (node) => (node.dataset.key || node.dataset.act) === acted,
  );
  if (again) again.focus();
});

// What was just opened comes into sight, and a screen reader starts there; only once for each opening.
let arrived = null;
watch("value", () => {
  const target = element.querySelector("[data-arrive]");
  if (!target || target.dataset.arrive === arrived) return;
  arrived = target.dataset.arrive;
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block: "start" });
});
