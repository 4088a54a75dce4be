// Elements that Python describes as [tag, attributes, ...children] (see `html/nodes.py`); text only as text.
function built(node) {
  if (typeof node === "string") return document.createTextNode(node);
  const [tag, attributes, ...children] = node;
  return make(tag, attributes, ...children.map(built));
}

keepDrawn((host, value) => fill(host, ...(value || []).map(built)));
