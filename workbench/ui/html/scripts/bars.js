// A bar of the axis chart that is clicked names its group; the buttons below the chart do the same by keyboard.
keepDrawn(() => undefined);

/** The group that a point of the chart belongs to, without its line break and its number of items. */
function groupOf(point) {
  const label = point.x === undefined ? point.theta : point.x;
  return String(label).split("<br>n =")[0].replace("<br>", " ");
}

function heard(event) {
  trigger("click", { group: groupOf(event.points[0]) });
}

// The chart comes after this script and is drawn anew for another result: listen when the pointer reaches it.
document.addEventListener("pointerover", (event) => {
  const chart = event.target instanceof Element ? event.target.closest("#bench-axes .js-plotly-plot") : null;
  if (!chart || !chart.on) return;
  chart.removeAllListeners("plotly_click");
  chart.on("plotly_click", heard);
});
