// The buttons and sliders under the picture: they write into `settings` and `windowing` and call back.

function bindControls(parts, settings, windowing, actions) {
  const slider = (name, show, change) => {
    parts[name].addEventListener("input", () => {
      const value = Number(parts[name].value);
      setText(parts[name + "Out"], show(value));
      change(value);
    });
  };
  const hundredth = (value) => value + " %";

  slider("opacity", hundredth, (value) => {
    settings.opacity = value / 100;
    actions.opacity();
  });
  slider("threshold", hundredth, (value) => {
    settings.threshold = value / 100;
    actions.look();
  });
  for (const name of ["level", "window"]) {
    slider(name, String, (value) => {
      windowing[name] = value;
      actions.windowing();
    });
  }
  for (const name of ["colormap", "scale"]) {
    parts[name].addEventListener("change", () => {
      settings[name] = parts[name].value;
      actions.look();
    });
  }
  for (const name of ["blocks", "underline"]) {
    parts[name].addEventListener("change", () => {
      settings[name] = parts[name].checked;
      actions.look();
    });
  }
  parts.invert.addEventListener("change", () => {
    windowing.invert = parts.invert.checked;
    actions.windowing();
  });
  parts.windowReset.addEventListener("click", actions.resetWindow);
  parts.zoomIn.addEventListener("click", () => actions.zoom(1.25));
  parts.zoomOut.addEventListener("click", () => actions.zoom(0.8));
  parts.zoomFit.addEventListener("click", () => actions.zoom(0));
  parts.seen.addEventListener("click", actions.seen);
  parts.save.addEventListener("click", actions.save);
}

/** Puts the window controls where the state says. */
function showWindowing(parts, windowing) {
  parts.level.value = windowing.level;
  parts.window.value = windowing.window;
  parts.invert.checked = windowing.invert;
  setText(parts.levelOut, String(windowing.level));
  setText(parts.windowOut, String(windowing.window));
}

/** Buttons that choose whose map is shown; rebuilt only when the columns change. */
function fillSources(holder, choices, chosen, choose) {
  const wanted = choices.map((choice) => choice.key + choice.label).join("|");
  if (holder.dataset.choices !== wanted) {
    holder.dataset.choices = wanted;
    holder.replaceChildren(
      ...choices.map((choice) => {
        const button = make("button", "wbv-source", choice.label);
        button.type = "button";
        button.dataset.source = choice.key;
        button.addEventListener("click", () => choose(choice.key));
        return button;
      }),
    );
  }
  choices.forEach((choice, at) => {
    const button = holder.children[at];
    setPressed(button, choice.key === chosen);
    button.disabled = Boolean(choice.why);
    button.title = choice.why || "";
  });
}
