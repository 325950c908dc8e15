// The filters of a page about a period apply as they change; lists of several choices when they close, unless by Escape.

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
  if (event.target.type === "checkbox") {
    // Agents of other environments would be left out anyway.
    const agents = event.target.name === "environment" ? form.querySelectorAll("[name$=agent]") : [];
    for (const box of agents) box.checked = false;
    return;
  }
  const custom = [form.elements.period, form.elements.compare].some((choice) => choice?.value === "custom");
  // Arrow keys pass over choices that are not meant, and dates are typed in parts: there the button decides.
  if (byKeyboard || custom) apply.classList.add("wanted");
  else form.requestSubmit();
});
for (const list of form?.querySelectorAll("[data-pick]") ?? []) {
  list.addEventListener("toggle", () => {
    const boxes = [...form.querySelectorAll('input[type="checkbox"]')];
    if (!list.open && boxes.some((box) => box.checked !== box.defaultChecked)) form.requestSubmit();
  });
}
// What says nothing stays out of the address, and several choices of one kind are a comma list there.
form?.addEventListener("formdata", ({ formData }) => {
  for (const name of new Set(formData.keys())) formData.set(name, formData.getAll(name).join(","));
  const custom = formData.get("period") === "custom";
  const versus = formData.get("compare") === "custom";
  const unwanted = (name) => (!custom && name.startsWith("date_")) || (!versus && name.startsWith("compare_"));
  for (const [name, value] of [...formData]) if (!value || unwanted(name)) formData.delete(name);
});
addEventListener("pageshow", () => {
  apply?.classList.remove("wanted");
});
