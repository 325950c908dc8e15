// While files are being made their lines are looked at again, ever more slowly and only while the page is seen.
// What is open or has the focus stays as it is. Also copies checksums.

const place = document.getElementById("files");
const said = document.querySelector("[data-said]");
const FIRST = 1500;
const SLOWEST = 15000;
let pause = FIRST;
let timer = 0;

const unfinished = (within) => within.querySelector('[data-state="waiting"], [data-state="running"]') !== null;

function showCopies() {
  if (!navigator.clipboard) return;
  for (const button of place.querySelectorAll("[data-copy]")) button.hidden = false;
}

function renew(fresh) {
  const lines = new Map([...place.querySelectorAll("li[data-state]")].map((line) => [line.id, line]));
  const found = [...fresh.querySelectorAll("li[data-state]")];
  const same = found.length === lines.size && found.every((line) => lines.has(line.id));
  if (!same) {
    place.replaceChildren(...fresh.body.childNodes);
    return;
  }
  for (const line of found) {
    const old = lines.get(line.id);
    if (old.dataset.state === line.dataset.state && line.dataset.state !== "running") continue;
    const changed = old.dataset.state !== line.dataset.state;
    const focused = old.contains(document.activeElement);
    if (focused && !changed) {
      old.querySelector(".job-state").replaceWith(line.querySelector(".job-state"));
      continue;
    }
    old.replaceWith(line);
    if (focused) line.querySelector(".job-acts a, .job-acts button")?.focus();
    if (changed && said.dataset[line.dataset.state]) said.textContent = said.dataset[line.dataset.state];
  }
  if (!unfinished(place)) place.querySelector(".reload")?.remove();
}

async function look() {
  if (document.hidden) return plan();
  try {
    const answer = await fetch(place.dataset.list, { headers: { Accept: "text/html" }, redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    renew(new DOMParser().parseFromString(await answer.text(), "text/html"));
    showCopies();
    pause = Math.min(pause * 1.3, SLOWEST);
  } catch {
    pause = SLOWEST;
  }
  if (unfinished(place)) plan();
}

function plan() {
  clearTimeout(timer);
  timer = setTimeout(look, pause);
}

place.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  const name = button.textContent;
  button.textContent = button.dataset.done;
  setTimeout(() => {
    button.textContent = name;
  }, 2000);
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden || !unfinished(place)) return;
  pause = FIRST;
  look();
});

showCopies();
if (unfinished(place)) plan();
