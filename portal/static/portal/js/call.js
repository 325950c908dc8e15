// Copies a vendor's id. Without a clipboard the buttons stay hidden; the ids can be selected as any text.

const WHILE = 1500;

if (navigator.clipboard) {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
        button.textContent = button.dataset.done;
        setTimeout(() => {
          button.textContent = label;
        }, WHILE);
      } catch {
        getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
      }
    });
  }
}
