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
  const begin = ([code, text]) => {
    const store = Object.assign(figures.store, JSON.parse(text));
    document.querySelectorAll("[data-print]").forEach((box) => {
      box.append(Object.assign(new Image(), { src: store.prints[box.dataset.print], alt: box.dataset.title }));
    });
    runScript(code);
    document.dispatchEvent(new Event("handgrad:plotly"));
    document.body.classList.add("plotted");
    figures.legends();
    if (store.side) document.querySelectorAll(".side-by-side").forEach(sideBySide.begin);
    drawAll();
  };
  if (document.getElementById("plotly")) {  // after the run table, which is ready much sooner
    Promise.resolve(runTable && runTable.ready).then(() => Promise.all(["plotly", "packed"].map(unpacked))).then(begin);
  }


  // A link leads to its place also where figures above it are drawn late and change their height, until the reader moves.
  const hold = () => {
    const target = document.getElementById(window.location.hash.slice(1));
    if (!target) return;
    const begun = Date.now();
    const watcher = new ResizeObserver(() => {
      if (Date.now() - begun < 10000) target.scrollIntoView({ behavior: "instant" });
      else watcher.disconnect();
    });
    watcher.observe(document.body);
    ["wheel", "touchstart", "keydown", "pointerdown"].forEach((kind) => {
      window.addEventListener(kind, () => watcher.disconnect(), { once: true, passive: true });
    });
  };
  window.addEventListener("hashchange", hold);
  hold();

  document.querySelectorAll(".copy").forEach((button) => {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      navigator.clipboard.writeText(button.closest("figure").querySelector("code").textContent)
        .then(() => { button.textContent = "Copied"; });
    });
  });
})();
