// Finds a company among many by typing: any part of its name, with or without accents. Enter opens the first found.

const list = document.querySelector("[data-choices]");
const field = document.getElementById("find");
const none = document.getElementById("none-found");

const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

function narrow() {
  const wanted = plain(field.value).split(/\s+/).filter(Boolean);
  let found = 0;
  for (const line of list.children) {
    const name = plain(line.querySelector("b").textContent);
    line.hidden = !wanted.every((part) => name.includes(part));
    found += line.hidden ? 0 : 1;
  }
  list.hidden = found === 0;
  none.hidden = found > 0;
}

if (field) {
  field.closest(".field").hidden = false;
  field.addEventListener("input", narrow);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    list.querySelector("li:not([hidden]) a")?.click();
  });
  // What was typed before going back is still in the field.
  addEventListener("pageshow", narrow);
  field.focus();
}
