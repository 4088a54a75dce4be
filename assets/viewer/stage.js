// The picture with the heat map on it: drawing and zoom. Positions called x, y are pixels of the
// original picture; positions called sx, sy are CSS pixels of the canvas.

const MOST_ZOOM = 16;

function createStage(canvas, frame) {
  const overlay = document.createElement("canvas");
  const windowed = document.createElement("canvas");
  const view = { zoom: 1, x: 0, y: 0 };
  let size = null;
  let shown = null;
  let layer = null;
  let marks = [];
  let gridKey = null;
  let grid = null;

  function fitScale(width, height) {
    return Math.min(width / size.width, height / size.height);
  }

  function box() {
    return { width: canvas.clientWidth || 1, height: canvas.clientHeight || 1 };
  }

  function toScreen(x, y, area = box()) {
    const scale = fitScale(area.width, area.height) * view.zoom;
    return [(x - view.x) * scale + area.width / 2, (y - view.y) * scale + area.height / 2];
  }

  function toPicture(sx, sy, area = box()) {
    const scale = fitScale(area.width, area.height) * view.zoom;
    return [(sx - area.width / 2) / scale + view.x, (sy - area.height / 2) / scale + view.y];
  }

  function keepInside() {
    const half = { x: size.width / view.zoom / 2, y: size.height / view.zoom / 2 };
    view.x = clamp(view.x, half.x, size.width - half.x);
    view.y = clamp(view.y, half.y, size.height - half.y);
  }

  /** Zooms by a factor and keeps the given canvas point in place. */
  function zoomBy(factor, sx = box().width / 2, sy = box().height / 2) {
    if (!size) return;
    const before = toPicture(sx, sy);
    view.zoom = clamp(view.zoom * factor, 1, MOST_ZOOM);
    const after = toPicture(sx, sy);
    view.x += before[0] - after[0];
    view.y += before[1] - after[1];
    keepInside();
    draw();
  }

  function panBy(dx, dy) {
    if (!size) return;
    const scale = fitScale(box().width, box().height) * view.zoom;
    view.x -= dx / scale;
    view.y -= dy / scale;
    keepInside();
    draw();
  }

  function resetZoom() {
    if (!size) return;
    Object.assign(view, { zoom: 1, x: size.width / 2, y: size.height / 2 });
    draw();
  }

  /** Gives the canvas the shape of the picture, within the height the page can spare. */
  function layOut() {
    if (!size) return;
    const width = frame.clientWidth;
    if (!width) return;
    const spare = Number.parseFloat(getComputedStyle(frame).getPropertyValue("--stage-share")) || 0.62;
    const height = Math.round(Math.min((width * size.height) / size.width, spare * window.innerHeight));
    canvas.style.height = Math.max(height, 160) + "px";
    const dots = window.devicePixelRatio || 1;
    canvas.width = Math.round(canvas.clientWidth * dots);
    canvas.height = Math.round(canvas.clientHeight * dots);
    draw();
  }

  /** Paints the scene into any context; the saved picture uses the same lines as the screen. */
  function paint(context, area) {
    const scale = fitScale(area.width, area.height) * view.zoom;
    const [left, top] = toScreen(0, 0, area);
    context.save();
    context.beginPath();
    context.rect(0, 0, area.width, area.height);
    context.clip();
    context.fillStyle = "#0b0d10";
    context.fillRect(0, 0, area.width, area.height);
    context.imageSmoothingEnabled = scale < 4;
    if (shown) context.drawImage(shown, left, top, size.width * scale, size.height * scale);
    if (layer) {
      context.globalAlpha = layer.opacity;
      context.imageSmoothingEnabled = !layer.blocks;
      context.drawImage(overlay, left, top, size.width * scale, size.height * scale);
      context.globalAlpha = 1;
    }
    for (const mark of marks) outline(context, mark, area);
    context.restore();
  }

  function outline(context, [x0, y0, x1, y1], area) {
    const [left, top] = toScreen(x0, y0, area);
    const [right, bottom] = toScreen(x1, y1, area);
    context.lineWidth = 3;
    context.strokeStyle = "#000000";
    context.strokeRect(left, top, right - left, bottom - top);
    context.lineWidth = 1.5;
    context.strokeStyle = "#ffffff";
    context.strokeRect(left, top, right - left, bottom - top);
  }

  function draw() {
    if (!size || !canvas.width) return;
    const context = canvas.getContext("2d");
    const dots = canvas.width / box().width;
    context.setTransform(dots, 0, 0, dots, 0, 0);
    paint(context, box());
  }

  return {
    toScreen,
    toPicture,
    zoomBy,
    panBy,
    resetZoom,
    layOut,
    draw,
    paint,
    get zoom() {
      return view.zoom;
    },
    get picture() {
      return shown;
    },

    /** `newSize` is the size of the original picture; a new case starts unzoomed. */
    setSize(newSize, fresh) {
      const changed = !size || !newSize || size.width !== newSize.width || size.height !== newSize.height;
      size = newSize;
      if (size && (fresh || changed)) {
        Object.assign(view, { zoom: 1, x: size.width / 2, y: size.height / 2 });
        gridKey = null;
        layOut();
      }
    },

    setPicture(image, windowSettings) {
      shown = applyWindow(image, windowSettings, windowed);
    },

    /** `key` names the map and its smoothing, so that sliders do not paint the patches anew. */
    setMap(map, look, key) {
      layer = null;
      if (!map || !size || !(look.top > 0)) return;
      if (key !== gridKey) {
        grid = rasterise(map, size, !look.blocks);
        gridKey = key;
      }
      colourGrid(overlay, grid, look);
      layer = { opacity: look.opacity, blocks: look.blocks };
    },

    setOpacity(opacity) {
      if (layer) layer.opacity = opacity;
    },

    setMarks(boxes) {
      marks = boxes;
    },
  };
}
