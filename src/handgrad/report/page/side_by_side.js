// Two settings, or two runs, beside each other: how they differ, their curves in one plot, their confusion matrices.
const sideBySide = {
  begin(box) {
    const { side } = figures.store, make = figures.element;
    const settings = side.phases.flatMap((phase, p) => phase.settings.map((setting) => ({ ...setting, phase, p })));
    const named = (setting) => (side.phases.length > 1 ? `${setting.phase.name}, ${setting.name}` : setting.name);
    const all = settings.map((setting, k) => make("option", { value: k, textContent: named(setting) }));
    const sides = ["First", "Second"].map((word, n) => {
      const setting = make("select", {}, ...all.map((option) => option.cloneNode(true)));
      const run = make("select", {});
      setting.value = String(Math.min(n, settings.length - 1));
      const fill = () => {
        const { runs } = settings[Number(setting.value)];
        run.replaceChildren(make("option", { value: "", textContent: runs.length > 1 ? `all ${runs.length} runs` : "its run" }),
          ...runs.map((one, i) => make("option", { value: i, textContent: one.name })));
      };
      fill();
      setting.addEventListener("change", () => { fill(); show(); });
      run.addEventListener("change", () => show());
      return { word, setting, run };
    });
    if (settings.length === 1) sides.forEach(({ run }, n) => { run.value = String(n); });
    const series = make("select", {}), body = make("div", {}), plot = make("div", { className: "plot" });
    series.addEventListener("change", () => show());
    const bar = make("div", { className: "controls" }, ...sides.flatMap(({ word, setting, run }) => [
      make("label", {}, `${word} setting `, setting), make("label", {}, `${word} runs `, run)]), make("label", {}, "curve ", series));
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", "what is put side by side");
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", "curves of both");
    box.append(bar, body, plot);
    const matrices = box.appendChild(make("div", { className: "matrices" }));

    const taken = () => sides.map(({ setting, run }) => {
      const found = settings[Number(setting.value)];
      return { ...found, title: run.value === "" ? found.name : `${found.name}, ${found.runs[Number(run.value)].name}`,
        one: run.value !== "" || found.runs.length === 1, chosen: run.value === "" ? found.runs : [found.runs[Number(run.value)]] };
    });
    const show = () => {
      const pair = taken();
      body.replaceChildren(sideBySide.facts(pair));
      sideBySide.curves(pair, series, plot);
      matrices.replaceChildren(...pair.map((one) => sideBySide.matrix(one, side)).filter(Boolean));
    };
    show();
  },

  difference([first, second]) {
    if (first.one || second.one) {
      return first.one && second.one ? "One run of each shows no spread, so that their difference has no interval."
        : "Compare two settings, or two runs: a run beside a mean has no interval.";
    }
    if (first.label === second.label) return "That is one setting.";
    const keys = [`${first.label}|${second.label}`, `${second.label}|${first.label}`], { side } = figures.store;
    const own = first.p === second.p ? [first.phase] : side.phases;
    const found = [...own.map((phase) => phase.said), side.across].flatMap((said) => keys.map((key) => said[key])).find(Boolean);
    return found || "No difference is given: a run of one of them diverged, they share no seed, or they are not among the settings of which pairs are compared.";
  },

  facts(pair) {
    const make = figures.element, [first, second] = pair, rows = [[first.phase.measure, ...pair.map((one) => (one.chosen.length > 1 || !one.one ? one.value : one.chosen[0].value))]];
    figures.store.side.differ.forEach(({ name, values }) => {
      if (values[first.label] !== values[second.label]) rows.push([name, values[first.label] || "—", values[second.label] || "—"]);
    });
    const cell = (tag, textContent, scope) => make(tag, scope ? { textContent, scope } : { textContent });
    const head = make("tr", {}, cell("td", ""), ...pair.map((one) => cell("th", one.title, "col")));
    const table = make("table", { className: "beside" }, make("thead", {}, head), make("tbody", {}, ...rows.map(([name, ...values]) => make("tr", {},
      cell("th", name, "row"), ...values.map((value) => cell("td", value))))));
    const region = make("div", { className: "scroll" }, table);
    region.tabIndex = 0;
    region.setAttribute("role", "region");
    region.setAttribute("aria-label", "what differs");
    const same = rows.length === 1 && first.label !== second.label ? " No hyperparameter differs." : "";
    const said = make("p", { textContent: `${sideBySide.difference(pair)}${same}` });
    said.setAttribute("role", "status");
    return make("div", {}, region, said);
  },

  curves(pair, series, box) {
    const known = figures.store.curves, make = figures.element;
    const held = pair.map((one) => one.chosen.map((run) => run.id).filter((id) => known[id]));
    const names = [...new Set(held.flat().flatMap((id) => Object.keys(known[id])))].filter((name) => !["epoch", "step", "seconds"].includes(name));
    const before = series.value;
    series.replaceChildren(...names.map((name) => make("option", { value: name, textContent: name.replace(/_/g, " ").replace(/^val /, "validation ") })));
    series.value = names.includes(before) ? before : names.find((name) => name === "val_accuracy") || names[0] || "";
    if (!series.value || !window.Plotly) return box.replaceChildren("The page holds no curves of these runs.");
    const percent = /accuracy|f1/.test(series.value), styles = figures.store.styles;
    const plot = { data: [], layout: {}, lines: { series: series.value, x: "epoch", percent, runs: {}, context: [] } };
    const state = { smooth: 0, x: "", seeds: "range" };
    const lines = held.map((ids, n) => ids.length && { label: pair[n].title + (n && pair[0].title === pair[1].title ? " (second)" : ""), style: styles[n], seeds: [],
      trace: { type: "scatter", mode: "lines", line: { color: styles[n][0], width: 2 } }, ...curves.over(plot, ids, "epoch", "range") }).filter(Boolean);
    const data = lines.flatMap((line) => curves.traces(line, plot, state, true)), any = Object.values(figures.store.plots)[0].layout;
    data.forEach((trace) => { trace.name = figures.plain(trace.meta); trace.showlegend = Boolean(trace.hovertemplate); });
    const layout = {
      paper_bgcolor: any.paper_bgcolor, plot_bgcolor: any.plot_bgcolor, font: any.font, margin: { l: 8, r: 12, t: 8, b: 8 }, hovermode: "x unified",
      xaxis: { title: { text: "epoch", standoff: 6 }, automargin: true, zeroline: false, exponentformat: "none" }, showlegend: true, legend: { orientation: "h", y: -0.2 },
      yaxis: { title: { text: series.selectedOptions[0].textContent, standoff: 6 }, automargin: true, zeroline: false, exponentformat: "none", tickformat: percent ? ".1%" : "", range: curves.ends(lines, false) },
    };
    Plotly.react(box, data, layout, figures.config);
  },

  // The sum over the chosen runs, shaded as the page's own matrix is.
  matrix(one, side) {
    const make = figures.element, held = one.chosen.filter((run) => side.matrices[run.id]), k = side.classes.length;
    if (!held.length || k > 30) return null;
    const sum = side.classes.map((_, i) => side.classes.map((__, j) => held.reduce((n, run) => n + side.matrices[run.id][i][j], 0)));
    const rows = sum.map((row, i) => {
      const total = row.reduce((a, b) => a + b, 0) || 1;
      return make("tr", {}, make("th", { scope: "row", textContent: side.classes[i] }), ...row.map((n, j) => {
        const level = Math.max(Math.min(9, Math.floor(10 * Math.sqrt(n / total))), n > 0 ? 1 : 0);
        return make("td", { className: `s${level}${i === j ? " right" : ""}` }, n ? make("b", { textContent: n.toLocaleString("en") }) : make("i", { textContent: "·" }));
      }));
    });
    const head = make("tr", {}, make("th", { className: "corner", scope: "col", textContent: "actual\u00a0↓ predicted\u00a0→" }),
      ...side.classes.map((textContent) => make("th", { scope: "col", textContent })));
    const table = make("table", { className: `matrix${k > 6 ? " dense" : ""}` }, make("thead", {}, head), make("tbody", {}, ...rows));
    const region = make("div", { className: "scroll fitted" }, table), sums = held.length > 1 ? `, sum over ${held.length} runs` : "";
    region.tabIndex = 0;
    region.setAttribute("role", "region");
    region.setAttribute("aria-label", `confusion of ${one.title}`);
    return make("div", { className: "panel" }, make("p", { className: "panel-title", textContent: `${one.title}: ${side.part}${sums}` }), region);
  },
};
