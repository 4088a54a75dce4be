// Light or dark. Inside Gradio the class "dark" on <body> decides; elsewhere the system's wish does.

function followTheme(root) {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const inGradio = () => root.closest(".gradio-container") !== null;
  const apply = () => {
    const dark = document.body.classList.contains("dark") || (!inGradio() && system.matches);
    root.dataset.theme = dark ? "dark" : "light";
  };
  const watcher = new MutationObserver(() => (root.isConnected ? apply() : watcher.disconnect()));
  watcher.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  system.addEventListener("change", apply);
  apply();
}
