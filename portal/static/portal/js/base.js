// The theme switch, menus and definitions that close by Escape or a click elsewhere, questions after going back, and a
// sign while a page loads anew.

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

// What was ticked when a list of choices opened; Escape takes it back.
const before = new WeakMap();
document.addEventListener(
  "toggle",
  ({ target: list }) => {
    if (!list.open || !list.matches("details.pick")) return;
    const boxes = [...(list.closest("form") ?? list).querySelectorAll('input[type="checkbox"]')];
    before.set(list, new Map(boxes.map((box) => [box, box.checked])));
  },
  true,
);

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const details of closable()) {
    for (const [box, ticked] of before.get(details) ?? []) box.checked = ticked;
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

// The same page asked for anew: by a form of it, or by a link to it with another question. Files come without leaving.
const loading = document.querySelector("[data-loading]");
const AT_ONCE = 150;
let waiting = 0;

function showLoading() {
  if (!loading) return;
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    root.classList.add("loading");
    loading.textContent = loading.dataset.loading;
  }, AT_ONCE);
}
function isAnew(address) {
  return address.origin === location.origin && address.pathname === location.pathname && address.search !== location.search;
}
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.getAttribute("method") !== "get") return;
  if (new URL(form.getAttribute("action") ?? "", location).pathname === location.pathname) showLoading();
});
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || link.target) return;
  if (link.href?.baseVal === undefined && isAnew(new URL(link.href))) showLoading();
});
addEventListener("pageshow", () => {
  clearTimeout(waiting);
  root.classList.remove("loading");
  if (loading) loading.textContent = "";
});

// The search: its field has the focus when it opens, and a slash opens it.
const search = document.querySelector("[data-search]");
search?.addEventListener("toggle", () => {
  if (search.open) search.querySelector("input").focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("input, select, textarea, [contenteditable]")) return;
  const field = document.getElementById("search-page");
  if (!search && !field) return;
  event.preventDefault();
  if (field) field.focus();
  else search.open = true;
});
