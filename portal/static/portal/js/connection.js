// While a history is being read its state is looked at again, only while the page is seen. Nothing moves but the figures.

const place = document.getElementById("standing");
const seconds = Number(place.dataset.again);

async function look() {
  if (document.hidden || place.contains(document.activeElement)) return;
  try {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" }, redirect: "error" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("standing");
    if (fresh && fresh.innerHTML !== place.innerHTML) place.replaceChildren(...fresh.childNodes);
  } catch {
    // the next look may find the way again
  }
}

setInterval(look, seconds * 1000);
