// Copies what stands in a field, where the browser allows it; without scripts the field is there to be copied by hand.

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    await navigator.clipboard.writeText(field.value);
    button.textContent = button.dataset.done;
    setTimeout(() => {
      button.textContent = label;
    }, 2000);
  });
}

// A table that fits its place lets the page scroll, so that its headings stay in view.
const wide = document.querySelector(".wide.tall");
if (wide) {
  new ResizeObserver(() => {
    wide.classList.remove("fits");
    wide.classList.toggle("fits", wide.scrollWidth <= wide.clientWidth);
  }).observe(wide);
}
