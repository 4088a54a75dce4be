// Joins the viewer to gr.HTML, which calls this script with `element`, `props`, `watch` and `trigger`.
// "select" reaches Python only where the app listens for it: `viewer.select(fn)`.

const viewer = createViewer(element, trigger);
element.workbenchViewer = viewer;
element.querySelector(".wbv").workbenchViewer = viewer;
viewer.update(props.value);
watch("value", () => viewer.update(props.value));
