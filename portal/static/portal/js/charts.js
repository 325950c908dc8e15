// Charts: what the pointer or the focus is on is read out beside it. A chart is one stop of the tab key: left and
// right walk its slots, up and down the parts of a column; in a map the arrows walk the squares.

const OFF = 14;

// Beside the pointer, on the side where there is room.
function place(readout, x, y) {
  const { offsetWidth: width, offsetHeight: height } = readout;
  const left = x + OFF + width <= innerWidth - 8 ? x + OFF : Math.max(8, x - OFF - width);
  readout.style.left = `${left}px`;
  readout.style.top = `${Math.max(8, Math.min(y + OFF, innerHeight - height - 8))}px`;
}

function readOut(mark, readout) {
  const title = mark.querySelector("title");
  if (title) {
    // The readout takes the place of the browser's slow tooltip; the name stays.
    mark.setAttribute("aria-label", title.textContent);
    title.remove();
  } else if (mark.title) {
    mark.setAttribute("aria-label", mark.title);
    mark.removeAttribute("title");
  }
  if (mark.dataset.more) mark.setAttribute("aria-description", mark.dataset.more);
  const show = (x, y) => {
    readout.textContent = [mark.getAttribute("aria-label"), mark.dataset.more].filter(Boolean).join("\n");
    place(readout, x, y);
  };
  const hide = () => {
    readout.textContent = "";
  };
  for (const kind of ["pointerenter", "pointermove"]) mark.addEventListener(kind, (event) => show(event.clientX, event.clientY));
  mark.addEventListener("focus", () => {
    const { left, top, width } = mark.getBoundingClientRect();
    show(left + width / 2, top);
  });
  mark.addEventListener("pointerleave", hide);
  mark.addEventListener("blur", hide);
}

// Rows of marks, walked by arrows: `step(row, place, key)` gives the mark to go to. One mark of all can be tabbed to.
function rove(rows, last, step) {
  const marks = rows.flat();
  for (const mark of marks) mark.setAttribute("tabindex", mark === last ? "0" : "-1");
  rows.forEach((row, line) =>
    row.forEach((mark, place) => {
      mark.addEventListener("focus", () => {
        for (const other of marks) other.setAttribute("tabindex", other === mark ? "0" : "-1");
      });
      mark.addEventListener("keydown", (event) => {
        const next = step(line, place, event.key);
        if (!next) return;
        event.preventDefault();
        next.focus();
      });
    }),
  );
}

for (const chart of document.querySelectorAll("[data-chart]")) {
  const readout = chart.querySelector(".readout");
  const columns = [];
  for (const mark of chart.querySelectorAll(".slot, .part")) {
    readOut(mark, readout);
    if (mark.matches(".slot")) columns.push([mark]);
    else columns.at(-1).push(mark);
  }
  const linked = columns.filter(([slot]) => slot.matches("a"));
  if (!linked.length) continue;
  rove(linked, linked.at(-1)[0], (column, place, key) => {
    const there = { ArrowLeft: column - 1, ArrowRight: column + 1, Home: 0, End: linked.length - 1 }[key];
    if (there !== undefined) return linked[there]?.[Math.min(place, linked[there].length - 1)];
    return linked[column][{ ArrowUp: place + 1, ArrowDown: place - 1 }[key]];
  });
}

for (const map of document.querySelectorAll("[data-map]")) {
  const readout = map.parentElement.querySelector(".readout");
  const rows = [...map.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.querySelector("a")));
  const marks = rows.flat().filter(Boolean);
  if (!marks.length) continue;
  for (const mark of marks) readOut(mark, readout);
  const grid = rows.map((row) => row.slice(1));
  const find = (line, place, dy, dx) => {
    for (let y = line + dy, x = place + dx; grid[y] && x >= 0 && x < grid[y].length; y += dy, x += dx) {
      if (grid[y][x]) return grid[y][x];
    }
    return undefined;
  };
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const at = new Map(grid.flatMap((row, line) => row.map((mark, place) => [mark, [line, place]])));
  rove([marks], marks[0], (_line, place, key) => steps[key] && find(...at.get(marks[place]), ...steps[key]));
}
