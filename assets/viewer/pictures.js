// Loading the two pictures: the original and what the model saw.

const PNG_START = "data:image/png;base64,";

/** A picture that loads by itself; anything but an inline PNG is refused, so nothing is ever fetched. */
function loadPicture(source, done) {
  if (typeof source !== "string" || !source.startsWith(PNG_START)) return done(null);
  const image = new Image();
  image.onload = () => done(image);
  image.onerror = () => done(null);
  image.src = source;
  return undefined;
}

/** Keeps a picture per name; `loaded(name, image or null)` is called when one arrives. */
function createPictures(loaded) {
  const pictures = { main: null, seen: null };
  const sources = { main: null, seen: null };

  /** Decodes a picture only when its source changed, so that streaming does not do it each time. */
  function load(wanted) {
    for (const name of Object.keys(sources)) {
      const source = wanted[name];
      if (sources[name] === source) continue;
      sources[name] = source;
      pictures[name] = null;
      if (source === null) continue;
      loadPicture(source, (image) => {
        if (sources[name] !== source) return;
        pictures[name] = image;
        loaded(name, image);
      });
    }
  }

  return {
    load,
    get main() {
      return pictures.main;
    },
    get seen() {
      return pictures.seen;
    },
  };
}

/** One button for each of several pictures, with its part of the map where there is one. */
function fillStrip(strip, images, place, map, choose) {
  strip.hidden = images.length < 2;
  const sources = images.map((image) => image.src);
  while (strip.children.length > images.length) strip.lastChild.remove();
  sources.forEach((source, at) => {
    let button = strip.children[at];
    if (!button) {
      button = strip.appendChild(make("button", "wbv-thumb"));
      button.type = "button";
      button.appendChild(make("img", "")).alt = "";
      button.appendChild(make("span", "wbv-small"));
      button.addEventListener("click", () => choose(at));
    }
    const picture = button.firstChild;
    if (source.startsWith(PNG_START) && picture.getAttribute("src") !== source) picture.src = source;
    const part = map?.parts ? ", " + percent(map.parts[at] ?? 0) : "";
    setText(button.lastChild, "Picture " + (at + 1) + part);
    setPressed(button, at === place);
  });
}

function sameShape(picture, image) {
  if (!picture) return false;
  const ratio = (picture.naturalWidth / picture.naturalHeight) * (image.height / image.width);
  return Math.abs(ratio - 1) < 0.02;
}
