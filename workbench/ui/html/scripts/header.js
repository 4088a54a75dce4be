// Title, notice, and the pair that answers.
const THEME_KEY = "workbench-theme";

function applyTheme(name) {
  document.body.classList.toggle("dark", name === "dark");
}

function themeButton() {
  const button = make("button", { type: "button", class: "wb-theme" });
  const label = () => {
    const dark = document.body.classList.contains("dark");
    button.textContent = dark ? "Light page" : "Dark page";
    button.setAttribute("aria-label", dark ? "Switch to a light page" : "Switch to a dark page");
  };
  button.addEventListener("click", () => {
    const next = document.body.classList.contains("dark") ? "light" : "dark";
    applyTheme(next);
    try {
      localStorage.setItem(THEME_KEY, next);
    } catch (error) {
      console.info("The choice of colours is not kept: storage is blocked.");
    }
    label();
  });
  label();
  return button;
}

function storedTheme() {
  try {
    return localStorage.getItem(THEME_KEY);
  } catch (error) {
    return null;
  }
}

if (storedTheme() && !new URLSearchParams(location.search).has("__theme")) applyTheme(storedTheme());

function modelEntry(model) {
  return make(
    "span",
    { class: "wb-model wb-" + model.role },
    make("span", { class: "wb-role" }, model.role),
    make("strong", {}, model.title),
    make("span", { class: "wb-small" }, model.detail),
  );
}

keepDrawn((host, value) => {
  if (!value) return;
  const models = value.models || [];
  fill(
    host,
    make("div", { class: "wb-titlebar" }, make("h1", {}, value.title), themeButton()),
    make("p", { class: "wb-warning" }, value.notice),
    make(
      "div",
      { class: "wb-pair", "data-phase": value.phase, role: "status" },
      ...models.flatMap((model, at) =>
        at ? [make("span", { class: "wb-arrow", "aria-hidden": "true" }, "⟷"), modelEntry(model)] : [modelEntry(model)],
      ),
      value.message ? make("span", { class: value.phase === "failed" ? "wb-failed" : "wb-small" }, value.message) : null,
    ),
  );
});
