// Figures: what is drawn in each box, from the numbers of its plot, the figure's controls and the selected runs.
// A kind of plot is known by a key of it: "lines" (curves), "settings" (parallel coordinates); a plot with "runs" says
// of which runs its traces or points are, and those that are not selected are dimmed.
const figures = {
  store: { plots: {}, prints: {}, names: {}, curves: {}, styles: [] },
  config: { responsive: true, displaylogo: false, displayModeBar: false },
  kinds: {}, // key -> { state(figure, plots), made(plot, state, figure),
  //        controls(figure, state), drawn(box, state), chosen(figure, plots, state) on a new selection }
  states: new Map(),
  stale: new Set(), // figures to be drawn again when they are in view
  moved: new Set(), // and before the next frame
  near: new IntersectionObserver((seen) => seen.forEach(({ isIntersecting, target }) => {
    if (!isIntersecting) return;
    figures.near.unobserve(target);
    if (figures.stale.delete(target)) figures.redraw(target);
  }), { rootMargin: "200px" }),

  kind: (plot) => Object.keys(figures.kinds).find((key) => key in plot),
  boxes: (figure) => [...figure.querySelectorAll(".plot")],
  plots: (figure) => figures.boxes(figure).map((box) => figures.store.plots[box.dataset.plot]).filter(Boolean),
  // Whether a plot shows single runs, so that a selection of runs changes it.
  ofRuns: (plot) => "settings" in plot || (plot.runs || []).some(Boolean)
    || ("lines" in plot && (plot.lines.context.length > 0 || Object.values(plot.lines.runs).some((ids) => ids.length > 0))),
  plain: (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/%\{/g, "%\u200b{"),
  element(tag, properties, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  },

  // The state of a figure: hidden labels, and what its kind adds.  Its controls are made with it; the pictures at the
  // top of the page have none.
  state(figure) {
    if (!figures.states.has(figure)) {
      const plots = figures.plots(figure), own = plots.length && figures.kinds[figures.kind(plots[0])];
      const state = { hidden: new Set(), ...(own && own.state ? own.state(figure, plots) : {}) };
      figures.states.set(figure, state);
      const place = figure.querySelector(".panels");
      if (place && own && own.controls) place.before(...own.controls(figure, state));
      if (place && plots.some(figures.ofRuns)) {
        place.before(figures.element("p", { className: "chosen", role: "status", hidden: true }));
        figures.tell(figure);
      }
    }
    return figures.states.get(figure);
  },

  made(box) {
    const plot = figures.store.plots[box.dataset.plot], figure = box.closest("figure"), state = figures.state(figure);
    const own = figures.kinds[figures.kind(plot)];
    const found = own ? own.made(plot, state, figure)
      : { data: figures.dimmed(plot), layout: { ...plot.layout, xaxis: { ...plot.layout.xaxis }, yaxis: { ...plot.layout.yaxis } } };
    if (!own) found.data.forEach((trace) => { if (state.hidden.has(trace.meta)) trace.visible = false; });
    if (figures.none() && figures.ofRuns(plot) && figure.querySelector(".chosen")) {
      found.layout.annotations = [...(found.layout.annotations || []), { text: "no run is chosen", showarrow: false, font: { size: 14 },
        xref: "paper", yref: "paper", x: 0.5, y: 0.5, bgcolor: "rgba(255,255,255,0.85)", borderpad: 4 }];
    }
    return found;
  },

  dimmed: (plot) => plot.data.map((trace, i) => {
    const runs = plot.runs && plot.runs[i];
    if (!runs || !runs.length || !selection.runs) return { ...trace };
    if (!Array.isArray(runs[0])) return { ...trace, opacity: runs.some(selection.has) ? 1 : 0.1 };
    const selectedpoints = runs.map((ids, k) => (ids.some(selection.has) ? k : -1)).filter((k) => k >= 0);
    return { ...trace, selectedpoints, unselected: { marker: { opacity: 0.06 } } };
  }),

  draw(box) {
    const plot = figures.store.plots[box.dataset.plot];
    if (!plot || box.dataset.drawn || !window.Plotly) return;
    box.dataset.drawn = "yes";
    if (plot.layout.height) box.style.height = plot.layout.height + "px";
    if (window.innerWidth < 560 && plot.layout.yaxis.ticktext) {
      plot.layout.yaxis.ticktext = plot.layout.yaxis.ticktext.map((t) => t.split("<br>").map((line) => (line.length > 20 ? line.slice(0, 19) + "…" : line)).join("<br>"));
    }
    const { data, layout } = figures.made(box);
    Plotly.newPlot(box, data, layout, figures.config);
    figures.legend(box.closest("figure"));
    const own = figures.kinds[figures.kind(plot)];
    if (own && own.drawn) own.drawn(box, figures.state(box.closest("figure")));
  },

  // Drawn once before the next frame, however often a slider moves.
  soon(figure) {
    if (!figures.moved.size) {
      requestAnimationFrame(() => {
        const all = [...figures.moved];
        figures.moved.clear();
        all.forEach(figures.redraw);
      });
    }
    figures.moved.add(figure);
  },
  redraw(figure) {
    figures.boxes(figure).filter((box) => box.dataset.drawn).forEach((box) => {
      const { data, layout } = figures.made(box);
      Plotly.react(box, data, layout, figures.config);
    });
    figures.legend(figure);
  },

  // Legends: a press hides or shows a line in all panels; a double press, or the control "only", leaves it alone.
  legend(figure) {
    const state = figures.state(figure);
    figure.querySelectorAll(".legend button[data-line]").forEach((button) => {
      button.setAttribute("aria-pressed", String(!state.hidden.has(button.dataset.line)));
      button.hidden = Boolean(state.away && state.away.has(button.dataset.line));
    });
    const only = figure.querySelector(".controls select[name=only]");
    if (!only) return;
    const shown = [...only.options].slice(1).filter((option) => !state.hidden.has(option.value));
    only.value = shown.length === 1 ? shown[0].value : "";
  },
  hide(figure, change) {
    const labels = [...figure.querySelectorAll(".legend button[data-line]")].map((button) => button.dataset.line);
    change(figures.state(figure).hidden, labels);
    figures.legend(figure);
    figures.soon(figure);
  },
  press: (figure, label) => figures.hide(figure, (hidden) => { if (!hidden.delete(label)) hidden.add(label); }),
  isolate: (figure, label) => figures.hide(figure, (hidden, labels) => {
    hidden.clear();
    if (label) labels.forEach((other) => { if (other !== label) hidden.add(other); });
  }),
  swatch(style) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), path = svg.appendChild(
      document.createElementNS("http://www.w3.org/2000/svg", "path"));
    [["class", "swatch"], ["viewBox", "0 0 24 4"], ["aria-hidden", "true"]].forEach((pair) => svg.setAttribute(...pair));
    [["d", "M0 2h24"], ["stroke", style[0]], ["stroke-width", 3]].forEach((pair) => path.setAttribute(...pair));
    if (style[1] === "dash") path.setAttribute("stroke-dasharray", "6 3");
    return svg;
  },
  legends() {
    document.querySelectorAll(".legend").forEach((legend) => {
      const figure = legend.closest("figure");
      if (!figures.plots(figure).length) return;
      legend.addEventListener("click", (event) => {
        const button = event.target.closest("button[data-line]");
        if (button) figures.press(figure, button.dataset.line);
      });
      legend.addEventListener("dblclick", (event) => {
        const button = event.target.closest("button[data-line]");
        if (button) figures.isolate(figure, button.dataset.line);
      });
      [["all", () => figures.isolate(figure, "")],
        ["none", () => figures.hide(figure, (hidden, labels) => labels.forEach((label) => hidden.add(label)))],
      ].forEach(([textContent, does]) => {
        const button = figures.element("button", { type: "button", textContent, className: "every" });
        button.addEventListener("click", does);
        legend.append(button);
      });
    });
  },

  none: () => selection.runs !== null && !Object.keys(figures.store.names).some(selection.has),
  // How many runs are selected, and a button that shows all of them again.
  tell(figure) {
    const place = figure.querySelector(".chosen"), names = Object.entries(figures.store.names);
    if (!place) return;
    place.hidden = !selection.runs;
    if (!selection.runs) return place.replaceChildren();
    const chosen = names.filter(([id]) => selection.has(id)), settings = (pairs) => new Set(pairs.map(([, [label]]) => label)).size;
    const where = { parallel: " in the parallel coordinates", table: " in the table of runs" }[selection.by] || "";
    const none = { parallel: "no setting crosses all axes where they are kept", table: "none passes the search and the filters of the table of runs" };
    const button = figures.element("button", { type: "button", textContent: "Show all" });
    button.addEventListener("click", () => {
      selection.choose(null, "figure");
      const next = figure.querySelector(".controls summary, .controls input, .controls select") || figure.querySelector("h3");
      if (next.tagName === "H3") next.tabIndex = -1;
      next.focus({ preventScroll: true });  // the button is gone, and who goes by keys stays here
    });
    if (figures.none()) return place.replaceChildren(`No run is chosen${selection.by in none ? `: ${none[selection.by]}` : ""}. `, button);
    place.replaceChildren(`Selected${where}: ${settings(chosen).toLocaleString("en")} of ${settings(names).toLocaleString("en")} settings, `
      + `${chosen.length.toLocaleString("en")} of ${names.length.toLocaleString("en")} runs. `, button);
  },
};
// On a new selection the figures in view are drawn at once, the others when they come into view.
document.addEventListener("handgrad:selection", () => {
  figures.states.forEach((state, figure) => {
    if (!figure.querySelector(".chosen")) return;
    const plots = figures.plots(figure), own = figures.kinds[figures.kind(plots[0])];
    if (own && own.chosen) own.chosen(figure, plots, state);
    figures.tell(figure);
    figures.stale.add(figure);
    figures.near.observe(figure);
  });
});
