// The heat map in words, for people who do not see it and for everyone who wants the number.

const ZONE_ROWS = ["upper", "middle", "lower"];
const ZONE_COLUMNS = ["left", "central", "right"];

/**
 * Evidence in each of nine zones of the picture. `sign` 1 counts what speaks for the span, -1 what speaks
 * against it. A patch that lies in two zones is divided by area.
 */
function zoneSums(map, size, sign) {
  const sums = new Float64Array(9);
  map.values.forEach((value, p) => {
    const weight = Math.max(0, sign * value);
    const [x0, y0, x1, y1] = map.boxes[p];
    const area = (x1 - x0) * (y1 - y0);
    if (weight === 0 || area <= 0) return;
    for (let zone = 0; zone < 9; zone++) {
      const [left, top] = [((zone % 3) * size.width) / 3, (Math.floor(zone / 3) * size.height) / 3];
      const across = Math.min(x1, left + size.width / 3) - Math.max(x0, left);
      const down = Math.min(y1, top + size.height / 3) - Math.max(y0, top);
      if (across > 0 && down > 0) sums[zone] += (weight * across * down) / area;
    }
  });
  return sums;
}

/** { name, part } of the strongest zone, name null when the map is spread out; null when it is empty. */
function strongestZone(map, size, sign = 1) {
  const sums = zoneSums(map, size, sign);
  const total = sums.reduce((sum, one) => sum + one, 0);
  if (total === 0) return null;
  const zone = sums.indexOf(Math.max(...sums));
  const part = sums[zone] / total;
  // One of nine equal zones holds 11 % of a flat map; under twice that there is no clear place.
  if (part < 2 / 9) return { name: null, part };
  const [row, column] = [ZONE_ROWS[Math.floor(zone / 3)], ZONE_COLUMNS[zone % 3]];
  return { name: zone === 4 ? "the centre" : "the " + column + " " + row + " zone", part };
}

function placeSentence(zone) {
  if (zone.name === null) return "it is spread over the picture without a clear place";
  return "the strongest place is " + zone.name + " of the picture (" + percent(zone.part) + " of the map)";
}

/** The sentence under the picture; of several pictures it says which, and how much of the map lies on it. */
function readMap(map, size) {
  if (map.place === undefined) return readPicture(map, size);
  const which = "Picture " + (map.place + 1) + " holds " + percent(map.part) + " of this map. ";
  return which + readPicture(map, size);
}

function readPicture(map, size) {
  if (map.difference) return readDifference(map, size);
  const share =
    map.share === null || map.share === undefined
      ? TEXT.shareUnknown.slice(0, -1)
      : percent(map.share) + " of the evidence for " + map.spanLabel + " came from the image";
  const zone = strongestZone(map, size);
  const against = map.signed ? strongestZone(map, size, -1) : null;
  if (!zone && !against) return capital(map.spanLabel) + ": " + share + ". " + TEXT.emptyMap;
  let text = share + "; " + (zone ? placeSentence(zone) : "nothing in the picture spoke for it");
  if (against?.name) text += "; what spoke against it lies mostly in " + against.name;
  return capital(text) + ".";
}

function readDifference(map, size) {
  const more = strongestZone(map, size, 1);
  const less = strongestZone(map, size, -1);
  let text = "Tuned minus base for " + map.spanLabel + ": ";
  if (!more && !less) return text + "no difference anywhere in the picture.";
  const place = (zone) => zone.name ?? "the picture as a whole";
  const parts = [];
  if (more) parts.push("the tuned model rested more on " + place(more));
  if (less) parts.push((more ? "" : "the tuned model rested ") + "less on " + place(less));
  text += parts.join(" and ") + ".";
  if (map.share !== null && map.baseShare !== null) {
    text += " Image share " + percent(map.share) + " (tuned) and " + percent(map.baseShare) + " (base).";
  }
  return text;
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
