// Mouse, touch and keys on the picture.

/** `actions`: point(sx, sy), leave(), stepPatch(dx, dy), invert(). */
function listenToStage(frame, stage, actions) {
  const fingers = new Map();

  function place(event) {
    const corner = frame.getBoundingClientRect();
    return [event.clientX - corner.left, event.clientY - corner.top];
  }

  function spread() {
    const [a, b] = [...fingers.values()];
    return Math.hypot(a[0] - b[0], a[1] - b[1]);
  }

  frame.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, place(event));
    if (stage.zoom > 1) frame.setPointerCapture(event.pointerId);
    // A tap has no hovering before it, so it also reads the patch.
    actions.point(...place(event));
  });

  frame.addEventListener("pointermove", (event) => {
    const now = place(event);
    const before = fingers.get(event.pointerId);
    if (!before) return actions.point(...now);
    if (fingers.size === 2) {
      const wide = spread();
      fingers.set(event.pointerId, now);
      return stage.zoomBy(spread() / Math.max(1, wide), ...now);
    }
    fingers.set(event.pointerId, now);
    return stage.panBy(now[0] - before[0], now[1] - before[1]);
  });

  for (const name of ["pointerup", "pointercancel"]) {
    frame.addEventListener(name, (event) => fingers.delete(event.pointerId));
  }
  frame.addEventListener("pointerleave", (event) => {
    fingers.delete(event.pointerId);
    actions.leave();
  });

  // The wheel scrolls the page until the reader has clicked into the picture.
  frame.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && document.activeElement !== frame) return;
      event.preventDefault();
      stage.zoomBy(Math.exp(-event.deltaY / 400), ...place(event));
    },
    { passive: false },
  );

  frame.addEventListener("keydown", (event) => onStageKey(event, stage, actions));
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function onStageKey(event, stage, actions) {
  if (event.altKey || event.metaKey || event.ctrlKey) return;
  const arrow = ARROWS[event.key];
  if (event.key === "+" || event.key === "=") stage.zoomBy(1.25);
  else if (event.key === "-" || event.key === "−") stage.zoomBy(0.8);
  else if (event.key === "0") stage.resetZoom();
  else if (event.key === "i") actions.invert();
  else if (event.key === "Escape") actions.leave();
  else if (arrow && (event.shiftKey || stage.zoom === 1)) actions.stepPatch(...arrow);
  else if (arrow) stage.panBy(-40 * arrow[0], -40 * arrow[1]);
  else return;
  event.preventDefault();
}

/** The strongest patch of those that show some of the picture; padding and newline tokens have empty boxes. */
function strongestPatch(map) {
  const shown = map.values.map((value, p) => {
    const box = map.boxes[p];
    return box[2] > box[0] && box[3] > box[1] ? value : -Infinity;
  });
  return shown.indexOf(Math.max(...shown));
}

/** The nearest patch in a direction from `current` (or the strongest one to begin with). */
function nextPatch(map, current, dx, dy) {
  if (current < 0) return strongestPatch(map);
  const middle = ([x0, y0, x1, y1]) => [(x0 + x1) / 2, (y0 + y1) / 2];
  const [cx, cy] = middle(map.boxes[current]);
  let best = current;
  let least = Infinity;
  map.boxes.forEach((box, p) => {
    const [x, y] = middle(box);
    const along = (x - cx) * dx + (y - cy) * dy;
    const aside = Math.abs((x - cx) * dy) + Math.abs((y - cy) * dx);
    if (box[2] <= box[0] || box[3] <= box[1] || along <= 0.5 || along + 3 * aside >= least) return;
    least = along + 3 * aside;
    best = p;
  });
  return best;
}
