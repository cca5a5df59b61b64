(() => {
  // Plots: plotly, the numbers of the plots and their pictures for print lie packed in the page.  Plotly is added as a
  // script (the page's policy knows its hash); then each plot is drawn when it comes near the window, so that a long
  // page opens at once.
  let plots = {};
  const config = { responsive: true, displaylogo: false, displayModeBar: false };
  const draw = (box) => {
    const plot = plots[box.dataset.plot];
    if (!plot || box.dataset.drawn || !window.Plotly) return;
    box.dataset.drawn = "yes";
    if (plot.layout.height) box.style.height = plot.layout.height + "px";
    if (window.innerWidth < 560 && plot.layout.yaxis.ticktext) {
      plot.layout.yaxis.ticktext = plot.layout.yaxis.ticktext.map((t) => (t.length > 20 ? t.slice(0, 19) + "…" : t));
    }
    Plotly.newPlot(box, plot.data, plot.layout, config);
  };
  const drawAll = () => {
    const boxes = [...document.querySelectorAll(".plot")];
    if (!("IntersectionObserver" in window)) return boxes.forEach(draw);
    const near = new IntersectionObserver((seen) => seen.forEach((entry) => {
      if (entry.isIntersecting) { near.unobserve(entry.target); draw(entry.target); }
    }), { rootMargin: "800px" });
    boxes.forEach((box) => near.observe(box));
  };
  const begin = ([code, text]) => {
    const store = JSON.parse(text);
    plots = store.plots;
    document.querySelectorAll("[data-print]").forEach((box) => {
      box.append(Object.assign(new Image(), { src: store.prints[box.dataset.print], alt: box.dataset.title }));
    });
    runScript(code);
    document.dispatchEvent(new Event("handgrad:plotly"));
    document.body.classList.add("plotted");
    drawAll();
  };
  if (document.getElementById("plotly")) {  // after the run table, which is ready much sooner
    Promise.resolve(runTable && runTable.ready).then(() => Promise.all(["plotly", "packed"].map(unpacked))).then(begin);
  }

  // Legends: a press hides or shows a line in all panels of its figure.
  document.querySelectorAll(".legend button").forEach((button) => button.addEventListener("click", () => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    button.closest("figure").querySelectorAll(".plot").forEach((box) => {
      draw(box);
      if (!box.data) return;
      const which = box.data.map((trace, i) => (trace.meta === button.dataset.line ? i : -1)).filter((i) => i >= 0);
      if (which.length) Plotly.restyle(box, { visible: shown }, which);
    });
  }));

  document.querySelectorAll(".copy").forEach((button) => {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      navigator.clipboard.writeText(button.closest("figure").querySelector("code").textContent)
        .then(() => { button.textContent = "Copied"; });
    });
  });
})();
