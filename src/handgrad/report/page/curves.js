// Curves: smoothing, axes, seeds.  Lines come from the plot as it was made; where a control asks for what it does not
// hold (single seeds, some of the runs), they are made anew from the curves of the runs.
const curves = {
  FORMULA: "last ← w·last + (1 − w)·y, shown: last / (1 − wᵏ) at the k-th point drawn; the unsmoothed line stays faint, bands stay as they are",

  // The debiased exponential moving average, as `smoothing.py` has it.
  smoothed(y, w) {
    let last = 0, power = 1;
    return y.map((value) => {
      if (value === null || !Number.isFinite(value)) return value;
      last = w * last + (1 - w) * value;
      power *= w;
      return last / (1 - power);
    });
  },
  own: (plot) => ({ epoch: "epoch", epochs: "epoch", step: "step" })[plot.lines.x] || "",
  knots: (run, kind) => [0, ...figures.store.curves[run][kind]],
  at(x, from, to) {
    let i = 1;
    while (i < from.length - 1 && from[i] < x) i += 1;
    return to[i - 1] + ((x - from[i - 1]) * (to[i] - to[i - 1])) / (from[i] - from[i - 1] || 1);
  },
  // Places along x in another unit: the mean over the runs behind a line.
  placed(x, runs, from, to) {
    if (from === to || !runs.length) return x;
    const pairs = runs.map((run) => [curves.knots(run, from), curves.knots(run, to)]);
    return x.map((value) => pairs.reduce((sum, [a, b]) => sum + curves.at(value, a, b), 0) / pairs.length);
  },
  units(plots) {
    const own = curves.own(plots[0]), known = figures.store.curves;
    if (!own || plots.some((plot) => curves.own(plot) !== own || plot.layout.xaxis2)) return [];
    const runs = plots.flatMap((plot) => Object.values(plot.lines.runs));
    const has = (kind) => runs.length && runs.every((ids) => ids.length && ids.every((id) => known[id] && known[id][kind]));
    return ["epoch", "step", "seconds"].filter((kind) => kind === own || (has(own) && has(kind)));
  },

  // The runs one by one: { run, x, y } each; none where the page does not hold their curves.
  seeds(plot, runs, unit) {
    const series = plot.lines.series, known = figures.store.curves;
    if (!series || !runs.every((id) => known[id] && known[id][series])) return [];
    return runs.map((run) => ({ run, x: curves.placed(known[run].epoch, [run], "epoch", unit), y: known[run][series] }));
  },
  // Over seeds, at every epoch: mean, the ends of the band, how many reached it.
  over(plot, runs, unit, band) {
    const each = runs.map((run) => figures.store.curves[run]), found = new Map();
    each.forEach((one) => one.epoch.forEach((epoch, i) => {
      const value = one[plot.lines.series][i];
      if (value !== null && value !== undefined) found.set(epoch, [...(found.get(epoch) || []), value]);
    }));
    const epochs = [...found.keys()].sort((a, b) => a - b), values = epochs.map((epoch) => found.get(epoch));
    const y = values.map((of) => of.reduce((a, b) => a + b, 0) / of.length);
    const std = values.map((of, i) => (of.length > 1 ? Math.sqrt(of.reduce((a, b) => a + (b - y[i]) ** 2, 0) / (of.length - 1)) : 0));
    const several = runs.length > 1;
    return {
      x: curves.placed(epochs, runs, "epoch", unit), y, n: values.map((of) => of.length),
      low: several ? values.map((of, i) => (band === "std" ? y[i] - std[i] : Math.min(...of))) : null,
      high: several ? values.map((of, i) => (band === "std" ? y[i] + std[i] : Math.max(...of))) : null,
    };
  },

  // What is drawn in a plot: lines { label, style, x, y, low, high, n, seeds, trace }, those of context without names.
  lines(plot, state) {
    const { runs, context } = plot.lines, own = curves.own(plot), unit = state.x || own, found = [];
    const shown = (label) => !state.hidden.has(label);
    const main = plot.data.filter((trace) => trace.meta !== undefined && /^lines(\+markers)?$/.test(trace.mode));
    const line = (label, ids, trace, style, x, y) => {
      const chosen = ids.filter(selection.has), seeds = curves.seeds(plot, chosen, unit);
      if (ids.length && !chosen.length) return;
      const made = { label, style, trace, seeds: state.seeds === "lines" && seeds.length > 1 ? seeds : [] };
      if (seeds.length && (chosen.length < ids.length || (state.seeds === "std" && seeds.length > 1))) {
        return found.push({ ...made, ...curves.over(plot, chosen, unit, state.seeds) });
      }
      const column = (k) => (trace.customdata ? trace.customdata.map((row) => row[k]) : null);
      found.push({ ...made, x: unit === own ? x : curves.placed(x, chosen, own, unit), y, low: column(0), high: column(1), n: column(2) });
    };
    main.forEach((trace) => {
      if (shown(trace.meta)) line(trace.meta, runs[trace.meta] || [], trace, [trace.line.color, trace.line.dash], trace.x, trace.y);
    });
    const grey = plot.data.find((trace) => trace.meta === undefined && trace.mode === "lines");
    context.forEach(([label, ids, begin, end]) => {
      if (!ids.some(selection.has)) return;
      const x = grey.x.slice(begin, end), y = grey.y.slice(begin, end), style = state.promoted.get(label);
      if (style && shown(label)) return line(label, ids, { ...grey, meta: label, opacity: 1 }, style, x, y);
      if (!style) found.push({ label, context: true, trace: grey, x: unit === own ? x : curves.placed(x, ids, own, unit), y });
    });
    return found;
  },

  // Of a selection: lines of context that get a colour, since few are left, and names that have no line now.
  chosen(figure, plots, state) {
    const told = new Set(), grey = new Map(), away = new Set(), taken = new Set();
    plots.forEach((plot) => {
      Object.entries(plot.lines.runs).forEach(([label, ids]) => {
        if (ids.length && !ids.some(selection.has)) return away.add(label);
        told.add(label);
        const trace = plot.data.find((one) => one.meta === label && one.line);
        if (trace) taken.add(`${trace.line.color} ${trace.line.dash}`);
      });
      plot.lines.context.forEach(([label, ids]) => { if (ids.some(selection.has)) grey.set(label, null); });
    });
    state.away = away;
    state.promoted = new Map();
    if (selection.runs && told.size + grey.size <= figures.store.styles.length) {
      const free = figures.store.styles.filter((style) => !taken.has(style.join(" ")));
      [...grey.keys()].forEach((label, i) => state.promoted.set(label, free[i]));
    }
    const legend = figure.querySelector(".legend");
    if (!legend) return;
    legend.querySelectorAll(".promoted").forEach((button) => button.remove());
    state.promoted.forEach((style, label) => {
      const button = figures.element("button", { type: "button", className: "promoted" }, figures.swatch(style), label);
      button.dataset.line = label;
      button.setAttribute("aria-pressed", String(!state.hidden.has(label)));
      legend.insertBefore(button, legend.querySelector(".every"));
    });
  },

  ends(lines, log) {
    let low = Infinity, high = -Infinity;
    lines.forEach((line) => [line.y, line.low, line.high, ...(line.seeds || []).map((seed) => seed.y)].forEach((part) => (part || []).forEach((value) => {
      if (value === null || (log && value <= 0)) return;
      low = Math.min(low, value);
      high = Math.max(high, value);
    })));
    if (low > high) return null;
    if (log) [low, high] = [Math.log10(low), Math.log10(high)];
    const margin = 0.05 * (high - low) || 0.05 * Math.abs(high) || 0.05;
    return [low - margin, high + margin];
  },

  traces(line, plot, state, unified) {
    const { trace } = line, axes = { xaxis: trace.xaxis, yaxis: trace.yaxis };
    if (line.context) return [];
    const form = plot.lines.percent ? ".2%" : ".4g", x = unified ? "" : `<br>${state.x || plot.lines.x} %{x}`, found = [];
    const faint = { type: "scatter", mode: "lines", hoverinfo: "skip", showlegend: false, meta: line.label, ...axes };
    const draw = (xs, y, name, width, rest, spread, custom) => {
      const smooth = state.smooth ? curves.smoothed(y, state.smooth) : y;
      if (state.smooth) found.push({ ...faint, x: xs, y, opacity: 0.28, line: { color: line.style[0], width: 1 } });
      const said = (tail) => `${figures.plain(name)}${x}: ${state.smooth ? `%{customdata[3]:${form}}${tail}, smoothed %{y:${form}}` : `%{y:${form}}${tail}`}<extra></extra>`;
      found.push({
        ...trace, x: xs, y: smooth, ...rest, customdata: y.map((value, i) => [...(custom ? custom[i] : [null, null, null]), value]),
        line: { ...trace.line, color: line.style[0], dash: line.style[1], width }, meta: line.label,
        hovertemplate: Array.isArray(spread) ? spread.map(said) : said(spread), hoverinfo: undefined,
      });
    };
    if (line.seeds.length) {
      line.seeds.forEach((seed) => draw(seed.x, seed.y, `${line.label}, ${figures.store.names[seed.run][1]}`, 1.1, { opacity: 0.8 }, ""));
      return found;
    }
    let spread = "", custom = null;
    if (line.low && line.high) {
      const known = (i) => Number.isFinite(line.low[i]) && Number.isFinite(line.high[i]);
      const band = line.x.map((_, i) => i).filter(known), back = [...band].reverse();
      const ink = line.style[0], rgb = [1, 3, 5].map((i) => parseInt(ink.slice(i, i + 2), 16)).join(",");
      found.push({
        ...faint, x: [...band, ...back].map((i) => line.x[i]), y: [...band.map((i) => line.high[i]), ...back.map((i) => line.low[i])],
        fill: "toself", fillcolor: `rgba(${rgb},0.16)`, line: { width: 0 },
      });
      custom = line.low.map((low, i) => [low, line.high[i], line.n[i]]);
      const counted = line.n.every((n) => n === null) ? "" : ", n = %{customdata[2]}";
      spread = ` (${state.seeds === "std" ? "mean ± std " : ""}%{customdata[0]:${form}} to %{customdata[1]:${form}}${counted})`;
      const whole = spread;
      if (band.length < line.x.length) spread = line.x.map((_, i) => (known(i) ? whole : ""));
    }
    draw(line.x, line.y, line.label, trace.line.width > 1 ? trace.line.width : 2, {}, spread, custom);
    return found;
  },

  made(plot, state, figure) {
    const plots = figures.plots(figure), title = plot.layout.yaxis.title.text, lines = curves.lines(plot, state);
    const log = state.logY.get(title), asMade = !state.smooth && state.seeds === "range" && (!state.x || state.x === curves.own(plot));
    const whole = !selection.runs && !state.hidden.size && log === (plot.layout.yaxis.type === "log") && state.seeds !== "std";
    const named = lines.filter((line) => !line.context), count = named.reduce((n, line) => n + Math.max(1, line.seeds.length), 0);
    const unified = count > 0 && count <= 12;
    const data = [], grey = lines.filter((line) => line.context);
    if (grey.length) {
      data.push({ ...grey[0].trace, x: grey.flatMap((line) => [...line.x, null]), y: grey.flatMap((line) => [...line.y, null]) });
    }
    named.forEach((line) => data.push(...curves.traces(line, plot, state, unified)));
    plot.data.forEach((trace) => { // arrows at the edge, and names at the ends of lines
      const kept = trace.mode === "markers" ? whole && state.logX === (plot.layout.xaxis.type === "log") && asMade : trace.mode === "lines+text" && asMade && !selection.runs;
      if (trace.meta !== undefined && kept && !state.hidden.has(trace.meta)) data.push({ ...trace });
    });
    const x = { ...plot.layout.xaxis }, y = { ...plot.layout.yaxis };
    if (state.x && state.x !== curves.own(plot)) {
      x.title = { ...x.title, text: state.x };
      delete x.range;
      delete x.dtick;
    }
    const wasLog = plot.layout.xaxis.type === "log";
    if (state.logX !== wasLog) {
      x.type = state.logX ? "log" : "linear";
      delete x.range;
      delete x.dtick;
    }
    const moved = (mark) => state.logX === wasLog || mark.xref !== "x" ? mark : { ...mark, x: state.logX ? Math.log10(mark.x) : 10 ** mark.x };
    const annotations = (plot.layout.annotations || []).map(moved); // their places are powers of ten where the axis is logarithmic
    if (unified) x.unifiedhovertitle = { text: `${figures.plain(state.x || plot.lines.x)} %{x:.6~g}` };
    if (!whole) {
      const same = plots.filter((other) => other.layout.yaxis.title.text === title);
      const range = curves.ends(same.flatMap((other) => curves.lines(other, state)), log);
      y.type = log ? "log" : "linear";
      if (!log) { delete y.dtick; y.exponentformat = "none"; }
      if (range) y.range = range; else delete y.range;
    }
    if (!data.length) [x, y].forEach((axis) => { axis.showticklabels = false; });  // of no line there are no places
    return { data, layout: { ...plot.layout, annotations, xaxis: x, yaxis: y, hovermode: unified ? "x unified" : "closest" } };
  },

  state(figure, plots) {
    const state = { hidden: new Set(), smooth: 0, x: "", logX: false, seeds: "range", logY: new Map(), promoted: new Map(), away: new Set() };
    plots.forEach((plot) => state.logY.set(plot.layout.yaxis.title.text, plot.layout.yaxis.type === "log"));
    state.logX = plots.some((plot) => plot.layout.xaxis.type === "log");
    curves.chosen(figure, plots, state);
    return state;
  },

  controls(figure, state) {
    const plots = figures.plots(figure), make = figures.element, name = figure.querySelector("h3").textContent;
    const bar = make("div", { className: "controls" });
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", `controls of the figure ${name}`);
    const change = (does) => (event) => { does(event.target); figures.soon(figure); };
    const add = (text, control, does, ...more) => {
      control.addEventListener(control.type === "range" ? "input" : "change", change(does));
      bar.append(make("label", {}, `${text} `, control, ...more));
    };
    const choice = (called, options) => make("select", { name: called }, ...options.map(([value, text]) => make("option", { value, textContent: text })));
    const output = make("output", { textContent: "0" });
    const formula = make("p", { className: "formula", hidden: true, textContent: `Smoothing: ${curves.FORMULA}.` });
    add("smoothing w", make("input", { type: "range", name: "smooth", min: 0, max: 0.99, step: 0.01, value: 0 }), (at) => {
      state.smooth = Number(at.value);
      output.textContent = at.value;
      formula.hidden = !state.smooth;
    }, " ", output);
    const units = curves.units(plots);
    if (units.length > 1) {
      const own = curves.own(plots[0]);
      add("x", choice("x", [own, ...units.filter((unit) => unit !== own)].map((unit) => [unit, unit])), (at) => { state.x = at.value; });
    }
    if (!plots.some((plot) => plot.layout.xaxis2)) {
      add("log x", make("input", { type: "checkbox", name: "logX", checked: state.logX }), (at) => { state.logX = at.checked; });
      state.logY.forEach((log, title) => add(`log ${title}`, make("input", { type: "checkbox", name: "logY", checked: log }), (at) => { state.logY.set(title, at.checked); }));
    }
    if (plots.some((plot) => Object.values(plot.lines.runs).some((ids) => ids.length > 1 && curves.seeds(plot, ids, "epoch").length))) {
      add("seeds", choice("seeds", [["range", "band: lowest to highest"], ["std", "band: mean ± standard deviation (ddof 1)"], ["lines", "a line each"]]),
        (at) => { state.seeds = at.value; });
    }
    const labels = [...figure.querySelectorAll(".legend button[data-line]")].map((button) => button.dataset.line);
    if (labels.length > 1) {
      const only = choice("only", [["", "all lines"], ...labels.map((label) => [label, label])]);
      only.addEventListener("change", () => figures.isolate(figure, only.value));
      bar.append(make("label", {}, "only ", only));
    }
    return [bar, formula];
  },
};
figures.kinds.lines = curves;
