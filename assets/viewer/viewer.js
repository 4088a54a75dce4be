// The viewer itself: one state, and what has to be shown anew when a part of it changes.

/** Builds the viewer inside `host` (which holds template.html); `emit(name, data)` tells the app. */
function createViewer(host, emit = () => {}) {
  const parts = {};
  for (const node of host.querySelectorAll("[data-part]")) parts[node.dataset.part] = node;
  const numbers = [parts.low, parts.mid, parts.high];
  const stage = createStage(parts.canvas, parts.frame);
  const settings = {
    opacity: 0.7,
    colormap: "viridis",
    scale: "own",
    threshold: 0,
    blocks: false,
    underline: false,
  };
  const windowing = { ...FULL_WINDOW };
  const pictures = createPictures((name, loaded) => {
    if (name === "main") setNotice(parts.noPicture, loaded ? "" : TEXT.badPicture);
    showPicture();
    refreshMap();
  });
  const columnViews = new Map();
  const stats = { selectMs: 0 };
  let payload = null;
  let trust = null;
  let columns = [];
  let selection = null;
  let preset = null; // the selection that the viewer made itself
  let source = null;
  let map = null;
  let patch = -1;
  let showSeen = false;
  let place = 0; // which of several pictures is looked at
  let edition = 0; // grows with every payload, so that a cached grid never outlives its map

  const film = createFilm(
    { play: parts.play, back: parts.back, forward: parts.forward, place: parts.filmPlace, note: parts.filmNote },
    {
      steps: () => filmColumn()?.steps.length ?? 0,
      current: () =>
        selection?.kind === "step" && selection.column === filmColumn()?.key ? selection.index : -1,
      show: (index) => choose({ column: filmColumn().key, kind: "step", index }),
    },
  );

  function shownImage() {
    return payload?.images?.[place] ?? payload?.image ?? null;
  }

  /** Looks at another picture of the case; the selected span stays. */
  function look(at) {
    place = at;
    patch = -1;
    showSeen = false;
    showImage();
    stage.setSize(shownImage(), true);
    showPicture();
    refreshMap();
  }

  function showImage() {
    const image = shownImage();
    parts.seen.hidden = !image?.seen;
    if (!image?.seen) showSeen = false;
    const spacing = payload?.images ? image.spacing_note : payload?.scale_note;
    setNotice(parts.notes, [...(image?.notes ?? []), spacing].filter(Boolean).join(" "));
    pictures.load({ main: image?.src ?? null, seen: image?.seen ?? null });
  }

  function column(key) {
    return columns.find((one) => one.key === key);
  }

  function filmColumn() {
    return column(source === "difference" ? "tuned" : source) ?? columns.find((one) => one.steps.length);
  }

  function select(next) {
    film.stop();
    choose(next);
  }

  function choose(next) {
    const started = performance.now();
    selection = next;
    // A difference of single words does not exist, and a click in a column asks for that column's map.
    if (source !== "difference" || next.kind === "word") source = next.column;
    patch = -1;
    refreshMap();
    stats.selectMs = performance.now() - started;
    emit("select", next);
  }

  function currentMap() {
    if (!selection || !shownImage()) return null;
    const whole = source === "difference" ? differenceMap(columns, selection) : columnMap(columns, selection, source);
    return payload.images ? onPicture(whole, place) : whole;
  }

  function mapLook() {
    const top = settings.scale === "shared" ? map.sharedPeak : map.peak;
    const colormap = map.signed ? "diverging" : settings.colormap;
    return { ...settings, top, colormap, signed: map.signed };
  }

  function refreshMap() {
    map = currentMap();
    const drawable = map && !map.missing && picturesFit();
    const key = [edition, source, selection?.column, selection?.kind, selection?.index, settings.blocks, place];
    if (drawable) stage.setMap(map, mapLook(), key.join("/"));
    else stage.setMap(null);
    showReading();
    showSources();
    fillStrip(parts.strip, payload?.images ?? [], place, map, look);
    const both = columns.filter((one) => one.unpacked).length > 1;
    drawLegend({ ...parts, numbers }, map, map && !map.missing ? mapLook() : settings, both);
    film.refresh();
    showPatch();
  }

  function showReading() {
    const lead = map?.state ? "" : "No heat map: ";
    setNotice(parts.refused, map?.refused ? lead + map.missing + " " + map.hint : "");
    parts.refused.dataset.state = map?.state || "";
    let text = "";
    if (!shownImage()) text = "";
    else if (!selection) text = columns.some((one) => one.unpacked) ? TEXT.pickOne : "";
    else if (map.missing) text = map.refused ? "" : map.missing + " " + map.hint;
    else text = [readMap(map, shownImage()), chanceOfWord()].join(" ");
    setText(parts.reading, text.trim());
    setNotice(parts.sourceNote, map?.note || "");
    showCarried();
    showTrust();
    const alt = shownImage()?.alt || "The picture asked about";
    parts.canvas.setAttribute("aria-label", alt + ". " + parts.reading.textContent);
  }

  /** Which words carried the selected part, where text maps are there. */
  function showCarried() {
    const owner = selection && column(selection.column);
    const some = columns.some((one) => one.carried);
    const said = owner ? readCarried(owner, carriedBy(owner, selection)) : "";
    const why = columns.map((one) => one.text_maps).find((maps) => maps?.refused !== undefined);
    const none = why ? "No text map: " + why.refused + " " + (why.hint || "") : "";
    setNotice(parts.carried, said || (some ? TEXT.carriedHint : none));
  }

  function showTrust() {
    const said = trustOf(trust, payload, column(map?.column), map);
    parts.trust.hidden = !said;
    parts.trust.dataset.state = said?.state ?? "";
    setNotice(parts.trustVerdict, said?.verdict ?? "");
    setNotice(parts.trustNumbers, said?.numbers ?? "");
  }

  function chanceOfWord() {
    if (selection.kind !== "word" || source !== selection.column) return "";
    const lp = column(source)?.words[selection.index]?.lp;
    return typeof lp === "number" ? "The model gave this word a probability of " + percent(Math.exp(lp)) + "." : "";
  }

  function showSources() {
    const choices = columns.map((one) => ({
      key: one.key,
      label: one.title,
      why: one.unpacked || one.maps?.refused !== undefined ? "" : TEXT.noMapYet,
    }));
    const [base, tuned] = [column("base"), column("tuned")];
    if (base && tuned) {
      const why = canSubtract(base, tuned) ? "" : TEXT.noDifference;
      choices.push({ key: "difference", label: "Tuned − base", why });
    }
    fillSources(parts.sources, choices, source, (key) => {
      source = key;
      selection ??= { column: key === "difference" ? "tuned" : key, kind: "all", index: 0 };
      refreshMap();
      if (map && !map.missing && !map.difference) {
        emit("select", { column: map.column, key: spanKey(map.kind, map.indices[0]) });
      }
    });
  }

  /** The outline, the value and the words of the patch under the pointer or the patch cursor. */
  function showPatch(sx, sy) {
    const seen = patch >= 0 && map && !map.missing && picturesFit();
    const owner = seen ? column(map.column) : null;
    const words = owner ? wordsOfPatch(owner, patch) : [];
    stage.setMarks(seen ? [map.boxes[patch]] : []);
    stage.draw();
    for (const [key, view] of columnViews) {
      view.mark({ selection, marked: key === map?.column ? words : [], underline: settings.underline });
    }
    parts.tip.hidden = !seen;
    if (!seen) return;
    setText(parts.tip, patchText(owner, words));
    const [x0, , x1, y1] = map.boxes[patch];
    const [left, top] = sx === undefined ? stage.toScreen((x0 + x1) / 2, y1) : [sx, sy];
    const widest = parts.frame.clientWidth - parts.tip.offsetWidth - 6;
    const lowest = parts.frame.clientHeight - parts.tip.offsetHeight - 6;
    parts.tip.style.left = clamp(left + 12, 6, Math.max(6, widest)) + "px";
    parts.tip.style.top = clamp(top + 14, 6, Math.max(6, lowest)) + "px";
  }

  function patchText(owner, words) {
    const value = plainNumber(map.values[patch]) + " " + map.unit;
    if (!words.length) return value;
    return value + " · matters most for " + words.map((i) => quoted(owner.words[i].text)).join(", ");
  }

  /** Whether the picture on the screen has the shape that the patch boxes are given in. */
  function picturesFit() {
    const image = shownImage();
    return Boolean(image) && (!showSeen || sameShape(pictures.seen, image));
  }

  function showPicture() {
    const image = shownImage();
    const seen = showSeen && pictures.seen;
    const fits = picturesFit();
    const shape = seen && !fits ? { width: seen.naturalWidth, height: seen.naturalHeight } : image;
    stage.setSize(shape ? { width: shape.width, height: shape.height } : null, false);
    stage.setPicture(seen || pictures.main, windowing);
    setNotice(parts.badge, isFullWindow(windowing) ? "" : TEXT.viewChanged);
    setNotice(parts.seenBadge, seen ? (fits ? TEXT.seenView : TEXT.seenOtherShape) : "");
    setPressed(parts.seen, showSeen);
  }

  function startCase() {
    selection = null;
    source = null;
    patch = -1;
    showSeen = false;
    place = 0;
    Object.assign(windowing, FULL_WINDOW);
    showWindowing(parts, windowing);
    film.stop();
  }

  function fitColumns() {
    for (const [key, view] of columnViews) {
      if (column(key)) continue;
      view.node.remove();
      columnViews.delete(key);
    }
    columns.forEach((one, at) => {
      if (!columnViews.has(one.key)) columnViews.set(one.key, createColumn(one.key, select));
      const view = columnViews.get(one.key);
      view.update(one);
      const place = parts.columns.children[at];
      if (place !== view.node) parts.columns.insertBefore(view.node, place ?? null);
    });
  }

  /** A selection made on an earlier payload may point past the end of a changed answer. */
  function checkSelection() {
    const owner = selection && column(selection.column);
    const counts = owner && { word: owner.words.length, step: owner.steps.length, answer: 1, all: 1 };
    if (selection && (!owner || selection.index >= counts[selection.kind])) selection = null;
    // Until the reader chooses, the tuned model's map takes over as soon as there is one.
    if (!selection || (selection === preset && source === selection.column)) {
      const mapped = (one) => Boolean(one?.unpacked || one?.carried);
      const ready = mapped(column("tuned")) ? column("tuned") : columns.find(mapped);
      const kind = ready?.carried && ready.answer ? "answer" : "all";
      selection = preset = ready ? { column: ready.key, kind, index: 0 } : null;
      if (ready) source = ready.key;
    }
    source ??= columns[0]?.key ?? null;
    const refused = columns.find((one) => one.maps?.refused !== undefined);
    if (!selection && refused) {
      selection = { column: refused.key, kind: "all", index: 0 };
      source = refused.key;
    }
  }

  function update(next) {
    const fresh = next?.case !== payload?.case;
    const before = payload;
    payload = next ?? null;
    edition += 1;
    columns = (payload?.columns ?? []).map((one, at) => ({ ...one, unpacked: keptMaps(before, one, at) }));
    for (const one of columns) one.carried = unpackCarried(one);
    if (fresh) startCase();
    place = clamp(place, 0, Math.max(0, (payload?.images?.length ?? 1) - 1));
    const image = shownImage();
    const nothing = !image && columns.every((one) => one.status === "empty");
    parts.empty.hidden = !nothing;
    parts.look.hidden = parts.columns.hidden = nothing;
    parts.frame.hidden = parts.zoomBar.hidden = parts.mapBox.hidden = parts.windowBox.hidden = !image;
    setNotice(parts.noPicture, !image && !nothing ? TEXT.noPicture : "");
    showImage();
    fitColumns();
    checkSelection();
    if (fresh) stage.setSize(image, true);
    showPicture();
    refreshMap();
  }

  /** Maps stay unpacked while the answer of the other model is still growing. */
  function keptMaps(before, one, at) {
    const old = columns[at];
    const same = old && before?.case === payload.case && old.key === one.key && old.maps?.q === one.maps?.q;
    return same && old.unpacked && old.maps.method === one.maps.method ? old.unpacked : unpackMaps(one);
  }

  function pointAt(sx, sy) {
    if (!map || map.missing || !picturesFit()) return;
    patch = patchAt(map.boxes, ...stage.toPicture(sx, sy));
    showPatch(sx, sy);
  }

  function clearPatch() {
    if (patch < 0) return;
    patch = -1;
    showPatch();
  }

  function changeWindow() {
    showWindowing(parts, windowing);
    showPicture();
    stage.draw();
  }

  function save() {
    const drawable = map && !map.missing && picturesFit();
    const owner = source === "difference" ? "Tuned − base" : (column(source)?.title ?? "");
    const badges = [parts.badge, parts.seenBadge].filter((badge) => !badge.hidden);
    const said = [parts.reading, parts.scaleNote].map((node) => node.textContent);
    const lines = savedLines(drawable ? map : null, owner, said, badges.map((badge) => badge.textContent));
    const area = { width: parts.canvas.clientWidth, height: parts.canvas.clientHeight };
    const scene = { stage, area, lines, map: drawable ? map : null, look: drawable ? mapLook() : null };
    offerFile(composePicture(scene), "heat-map.png");
  }

  bindControls(parts, settings, windowing, {
    opacity() {
      stage.setOpacity(settings.opacity);
      stage.draw();
    },
    look: refreshMap,
    windowing: changeWindow,
    resetWindow() {
      Object.assign(windowing, FULL_WINDOW);
      changeWindow();
    },
    zoom: (factor) => (factor ? stage.zoomBy(factor) : stage.resetZoom()),
    seen() {
      showSeen = !showSeen;
      showPicture();
      refreshMap();
    },
    save,
  });
  listenToStage(parts.frame, stage, {
    point: pointAt,
    leave: clearPatch,
    invert() {
      windowing.invert = !windowing.invert;
      changeWindow();
    },
    stepPatch(dx, dy) {
      if (!map || map.missing || !picturesFit()) return;
      patch = nextPatch(map, patch, dx, dy);
      showPatch();
    },
  });
  setText(parts.honest, TEXT.honest);
  followTheme(parts.root);
  new ResizeObserver(() => stage.layOut()).observe(parts.frame);

  return {
    update,
    select,
    setTrust(next) {
      trust = next ?? null;
      showTrust();
    },
    stats,
    stage,
    get selection() {
      return selection;
    },
  };
}
