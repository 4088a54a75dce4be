// A bar of the axis chart that is clicked names its group; the buttons below the chart do the same by keyboard.
keepDrawn(() => undefined);

function heard(event) {
  const point = event.points[0];
  const group = point.x === undefined ? point.theta : point.x;
  trigger("click", { group: String(group).split("<br>n =")[0].replace("<br>", " ") });
}

// The chart comes after this script and is drawn anew for another result: listen when the pointer reaches it.
document.addEventListener("pointerover", (event) => {
  const chart = event.target instanceof Element ? event.target.closest("#bench-axes .js-plotly-plot") : null;
  if (!chart || !chart.on) return;
  chart.removeAllListeners("plotly_click");
  chart.on("plotly_click", heard);
});
