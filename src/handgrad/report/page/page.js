(() => {
  // Plots: plotly, the numbers of the plots and their pictures for print lie packed in the page.  Plotly is added as a
  // script (the page's policy knows its hash); then each plot is drawn when it comes near the window, so that a long
  // page opens at once.
  const drawAll = () => {
    const boxes = [...document.querySelectorAll(".plot[data-plot]")];
    if (!("IntersectionObserver" in window)) return boxes.forEach(figures.draw);
    const near = new IntersectionObserver((seen) => seen.forEach((entry) => {
      if (entry.isIntersecting) { near.unobserve(entry.target); figures.draw(entry.target); }
    }), { rootMargin: "800px" });
    boxes.forEach((box) => near.observe(box));
  };
  const unpacked = async (id) => {
    const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };
  const begin = ([code, text]) => {
    const store = Object.assign(figures.store, JSON.parse(text));
    document.querySelectorAll("[data-print]").forEach((box) => {
      box.append(Object.assign(new Image(), { src: store.prints[box.dataset.print], alt: box.dataset.title }));
    });
    document.head.append(Object.assign(document.createElement("script"), { textContent: code }));
    document.body.classList.add("plotted");
    figures.legends();
    if (store.side) document.querySelectorAll(".side-by-side").forEach(sideBySide.begin);
    drawAll();
  };
  if (document.getElementById("plotly")) Promise.all(["plotly", "packed"].map(unpacked)).then(begin);

  // Tables: a press on a heading sorts by that column; sums stay at the end.
  const value = (row, i) => {
    const text = row.cells[i].textContent.trim();
    const number = parseFloat(text.replace(/,/g, ""));
    return Number.isNaN(number) ? text : number;
  };
  document.querySelectorAll("table.sortable").forEach((table) => {
    table.querySelectorAll("thead th").forEach((head, i) => head.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const body = table.tBodies[0];
      [...body.rows].sort((a, b) => {
        const last = a.classList.contains("total") - b.classList.contains("total");
        if (last) return last;
        const x = value(a, i), y = value(b, i);
        const order = typeof x === "number" && typeof y === "number" ? x - y
          : typeof x === typeof y ? x.localeCompare(y) : typeof x === "number" ? -1 : 1;
        return up ? order : -order;
      }).forEach((row) => body.append(row));
    }));
  });

  document.querySelectorAll(".copy").forEach((button) => {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      navigator.clipboard.writeText(button.closest("figure").querySelector("code").textContent)
        .then(() => { button.textContent = "Copied"; });
    });
  });
})();
