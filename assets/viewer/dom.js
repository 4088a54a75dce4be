// Small helpers for building the page. Strings from models and users only ever pass through
// `textContent`, never through markup.

/** A new element with a class and text. */
function make(tag, className = "", text = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

/** Sets text only when it differs, so that screen readers and the browser see real changes alone. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Shows a text or hides its element when there is none. */
function setNotice(node, text) {
  setText(node, text);
  node.hidden = !text;
}

function setPressed(button, pressed) {
  button.setAttribute("aria-pressed", pressed ? "true" : "false");
}

function bytesFromBase64(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

function prefersLessMotion() {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}
