// The state is fetched again while the page is visible: every few seconds while a history is being read, less often after.

const place = document.getElementById("standing");

async function look() {
  if (document.hidden || place.contains(document.activeElement)) return;
  try {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" }, redirect: "error" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("standing");
    if (fresh && fresh.innerHTML !== place.innerHTML) place.replaceChildren(...fresh.childNodes);
    if (fresh) place.dataset.again = fresh.dataset.again;
  } catch {
    // the next look may find the way again
  }
}

function lookAgain() {
  setTimeout(() => look().finally(lookAgain), Number(place.dataset.again) * 1000);
}

lookAgain();
