// The theme switch, menus and definitions that close by Escape or a click elsewhere, and questions after going back.

const root = document.documentElement;
const ORDER = ["system", "light", "dark"];
const theme = document.querySelector("[data-theme-switch]");

function showTheme(name) {
  if (name === "system") delete root.dataset.theme;
  else root.dataset.theme = name;
  const label = theme.getAttribute(`data-${name}`);
  theme.setAttribute("aria-label", label);
  theme.title = label;
  for (const icon of theme.querySelectorAll("[data-icon]")) icon.toggleAttribute("hidden", icon.dataset.icon !== name);
}

if (theme) {
  theme.hidden = false;
  showTheme(root.dataset.theme ?? "system");
  theme.addEventListener("click", () => {
    const name = ORDER[(ORDER.indexOf(root.dataset.theme ?? "system") + 1) % ORDER.length];
    showTheme(name);
    try {
      if (name === "system") localStorage.removeItem("theme");
      else localStorage.setItem("theme", name);
    } catch {
      // Kept for this page only.
    }
  });
}

const closable = () => document.querySelectorAll("details[data-closable][open]");

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const details of closable()) {
    const inside = details.contains(document.activeElement);
    details.open = false;
    if (inside) details.querySelector("summary").focus();
  }
});
document.addEventListener("click", (event) => {
  for (const details of closable()) if (!details.contains(event.target)) details.open = false;
});
// A page that comes back as it was left holds what was chosen on leaving it: its forms ask again what it answers.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll('form[method="get"]')) form.reset();
  for (const details of closable()) details.open = false;
});
