// Runs before the first paint, so that a chosen theme never flashes. Everything else waits in modules.
(() => {
  const root = document.documentElement;
  root.classList.add("with-js");
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // Storage may be refused; the system's theme stays.
  }
})();
