// Filters apply as they change; the chart reads out the day under the pointer or the focus and is one stop of the tab key.

const form = document.querySelector("form.filters");
const apply = form?.querySelector(".apply");
let byKeyboard = false;

form?.addEventListener("keydown", (event) => {
  byKeyboard = event.key !== "Enter";
});
form?.addEventListener("pointerdown", () => {
  byKeyboard = false;
});
form?.addEventListener("change", (event) => {
  const custom = form.elements.period.value === "custom";
  if (event.target.name === "environment") form.elements.agent.value = "";
  // Arrow keys pass over choices that are not meant, and dates are typed in parts: there the button decides.
  if (byKeyboard || custom) apply.classList.add("wanted");
  else form.requestSubmit();
});
form?.addEventListener("submit", () => {
  for (const field of form.elements) {
    const idle = field.type === "date" && form.elements.period.value !== "custom";
    if (field.name && (!field.value || idle)) field.disabled = true;
  }
});
addEventListener("pageshow", () => {
  for (const field of form?.elements ?? []) field.disabled = false;
});

for (const chart of document.querySelectorAll("[data-chart]")) {
  const marks = [...chart.querySelectorAll("a")];
  const readout = chart.querySelector(".readout");
  const show = (mark) => {
    readout.textContent = mark ? mark.getAttribute("aria-label") : "";
  };
  marks.forEach((mark, place) => {
    // The readout takes the place of the browser's slow tooltip; the name stays.
    const title = mark.querySelector("title");
    mark.setAttribute("aria-label", title.textContent);
    title.remove();
    mark.setAttribute("tabindex", place === marks.length - 1 ? "0" : "-1");
    mark.addEventListener("pointerenter", () => show(mark));
    mark.addEventListener("pointerleave", () => show(null));
    mark.addEventListener("blur", () => show(null));
    mark.addEventListener("focus", () => {
      for (const other of marks) other.setAttribute("tabindex", other === mark ? "0" : "-1");
      show(mark);
    });
    mark.addEventListener("keydown", (event) => {
      const places = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: marks.length - 1 };
      const next = marks[places[event.key]];
      if (!next) return;
      event.preventDefault();
      next.focus();
    });
  });
}
