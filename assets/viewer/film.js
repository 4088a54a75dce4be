// The step film: the steps one after the other, with the picture following.

const FILM_PAUSE_MS = 1800;

/** `steps()` counts the steps, `current()` gives the selected one or -1, `show(index)` selects one. */
function createFilm(parts, { steps, current, show }) {
  let timer = null;

  function stop() {
    clearInterval(timer);
    timer = null;
    refresh();
  }

  function go(by) {
    const count = steps();
    if (!count) return;
    const at = current();
    const next = at < 0 ? (by > 0 ? 0 : count - 1) : clamp(at + by, 0, count - 1);
    show(next);
  }

  function advance() {
    // The page may have been taken away or the last step reached: a film never starts over by itself.
    if (!parts.play.isConnected || current() >= steps() - 1) return stop();
    go(1);
    if (current() >= steps() - 1) stop();
    return undefined;
  }

  function toggle() {
    if (timer !== null) return stop();
    if (current() >= steps() - 1) show(0);
    else go(1);
    if (steps() > 1) timer = setInterval(advance, FILM_PAUSE_MS);
    return refresh();
  }

  function refresh() {
    const count = steps();
    const still = prefersLessMotion();
    const playing = timer !== null;
    setText(parts.play, playing ? "Pause" : "Play steps");
    parts.play.disabled = count < 2 || still;
    parts.play.title = still ? TEXT.lessMotion : "";
    parts.back.disabled = parts.forward.disabled = count === 0;
    setText(parts.place, count ? (current() < 0 ? "–" : current() + 1) + " / " + count : "no steps");
    setNotice(parts.note, still && count > 1 ? TEXT.lessMotion : "");
  }

  parts.play.addEventListener("click", toggle);
  parts.back.addEventListener("click", () => {
    stop();
    go(-1);
  });
  parts.forward.addEventListener("click", () => {
    stop();
    go(1);
  });
  return { refresh, stop };
}
