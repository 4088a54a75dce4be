// One line on what is going on.
keepDrawn((host, value) => {
  const busy = Boolean(value && value.busy);
  host.setAttribute("aria-busy", String(busy));
  fill(
    host,
    busy ? make("span", { class: "wb-busy", "aria-hidden": "true" }) : null,
    make("span", {}, (value && value.text) || ""),
  );
});
