// Brightness and contrast of the view. The models never see this.

const FULL_WINDOW = { level: 128, window: 256, invert: false };

function isFullWindow(view) {
  return view.level === FULL_WINDOW.level && view.window === FULL_WINDOW.window && !view.invert;
}

/** Grey value in, grey value out: the window is the width of the band that is spread over 0..255. */
function windowTable(view) {
  const table = new Uint8ClampedArray(256);
  const low = view.level - view.window / 2;
  for (let grey = 0; grey < 256; grey++) {
    const shown = ((grey - low) / view.window) * 256;
    table[grey] = view.invert ? 255 - shown : shown;
  }
  return table;
}

/** The picture as the reader wants it: the loaded image itself, or a copy put through the window. */
function applyWindow(image, view, canvas) {
  if (!image || isFullWindow(view)) return image;
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  const table = windowTable(view);
  for (let i = 0; i < pixels.data.length; i += 4) {
    for (let channel = 0; channel < 3; channel++) pixels.data[i + channel] = table[pixels.data[i + channel]];
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}
