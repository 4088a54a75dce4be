// Shared by the small components. Text from people and models is only ever set as textContent: Gradio
// evaluates a rendered template as a JavaScript template string, so no untrusted text may pass through one.

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function fill(host, ...children) {
  host.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

/** Draws now and again whenever Python sends a new value. */
function keepDrawn(draw) {
  const host = () => element.querySelector("[data-host]");
  const redraw = () => draw(host(), props.value);
  redraw();
  watch("value", redraw);
}
