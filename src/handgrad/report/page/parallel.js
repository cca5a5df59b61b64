// Parallel coordinates: a press and pull along an upright axis, or two sliders, keep the settings that cross it there.
// The settings that every axis keeps are the selected ones.
const parallel = {
  state: () => ({ brush: new Map() }), // number of an axis -> [low, high], places on it
  inside: (row, brush) => [...brush].every(([j, [low, high]]) => row[j] >= low - 1e-9 && row[j] <= high + 1e-9),
  picked: (rows, most) => (rows.length <= most ? rows
    : [...new Set(Array.from({ length: most }, (_, i) => Math.round((i * (rows.length - 1)) / (most - 1))))].map((i) => rows[i])),

  made(plot, state) {
    const { axes, places, texts, colours, runs, most } = plot.settings, x = axes.map((_, j) => j), rows = places.map((_, k) => k);
    const shown = (k) => (selection.runs ? runs[k].some(selection.has) : true), data = [];
    const rest = parallel.picked(rows.filter((k) => !shown(k)), most);
    if (rest.length) {
      data.push({ type: "scatter", mode: "lines", x: rest.flatMap(() => [...x, null]), y: rest.flatMap((k) => [...places[k], null]),
        line: { color: "#8A9199", width: 0.8 }, opacity: 0.18, hoverinfo: "skip" });
    }
    parallel.picked(rows.filter(shown), most).reverse().forEach((k) => data.push({
      type: "scatter", mode: "lines", x, y: places[k], line: { color: colours[k], width: k === 0 ? 3.5 : 1.2 }, opacity: k === 0 ? 1 : 0.6,
      hovertemplate: `${axes.map((label, j) => `${figures.plain(label)}: ${figures.plain(texts[k][j])}`).join("<br>")}<extra></extra>`,
    }));
    const frames = [...state.brush].map(([j, [low, high]]) => ({
      type: "rect", x0: j - 0.07, x1: j + 0.07, y0: low - 0.015, y1: high + 0.015, line: { width: 1, color: "#0072B2" }, fillcolor: "rgba(0,114,178,0.22)",
    }));
    return { data, layout: { ...plot.layout, shapes: [...plot.layout.shapes, ...frames], selections: [], dragmode: "select", selectdirection: "v",
      newselection: { line: { width: 1, color: "#0072B2" } },
      xaxis: { ...plot.layout.xaxis, fixedrange: true }, yaxis: { ...plot.layout.yaxis, fixedrange: true } } };
  },

  keep(figure, j, range) {
    const [plot] = figures.plots(figure), { brush } = figures.state(figure), { places, runs } = plot.settings;
    if (range) brush.set(j, parallel.shown(plot, j, range)); else brush.delete(j);
    parallel.by = figure;
    const kept = places.map((_, k) => k).filter((k) => parallel.inside(places[k], brush));
    selection.choose(brush.size ? new Set(kept.flatMap((k) => runs[k])) : null, "parallel");
  },

  // The values of an axis as they are shown, from its foot to its top: { text, low, high }, ends of their places.
  levels(plot, j) {
    const { places, texts } = plot.settings, found = [];
    places.map((_, k) => k).sort((a, b) => places[a][j] - places[b][j]).forEach((k) => {
      const last = found.at(-1), text = texts[k][j], place = places[k][j];
      if (last && (last.text === text || last.high === place)) last.high = place; else found.push({ text, low: place, high: place });
    });
    return found;
  },
  // A range of places that ends between two settings that show one value goes to the end of that value.
  shown(plot, j, [low, high]) {
    const inside = parallel.levels(plot, j).filter((level) => level.high >= low - 1e-9 && level.low <= high + 1e-9);
    return inside.length ? [Math.min(low, inside[0].low), Math.max(high, inside.at(-1).high)] : [low, high];
  },
  // A selection from elsewhere leaves nothing of a brush.
  chosen(figure, plots, state) {
    if (selection.by !== "parallel" || parallel.by !== figure) state.brush.clear();
    parallel.tell(figure, state);
  },
  tell(figure, state) {
    const [plot] = figures.plots(figure);
    figure.querySelectorAll(".brushes input").forEach((input) => {
      const j = Number(input.dataset.axis), levels = parallel.levels(plot, j), [low, high] = state.brush.get(j) || [-Infinity, Infinity];
      const inside = levels.map((_, i) => i).filter((i) => levels[i].low >= low - 1e-9 && levels[i].high <= high + 1e-9);
      input.value = inside.length ? (input.dataset.end === "from" ? inside[0] : inside.at(-1)) : input.value;
      const { text } = levels[Number(input.value)];
      input.setAttribute("aria-valuetext", text);
      input.nextElementSibling.textContent = text;
    });
  },

  controls(figure, state) {
    const [plot] = figures.plots(figure), make = figures.element;
    const rows = plot.settings.axes.map((label, j) => {
      const levels = parallel.levels(plot, j), last = levels.length - 1;
      const ends = ["from", "to"].map((end) => {
        const input = make("input", { type: "range", min: 0, max: last, step: 1, value: end === "from" ? 0 : last, disabled: last < 1 });
        Object.assign(input.dataset, { axis: j, end });
        input.setAttribute("aria-label", `${label}, ${end}`);
        return input;
      });
      ends.forEach((input) => input.addEventListener("input", () => {
        let [low, high] = ends.map((one) => Number(one.value));
        if (low > high) [low, high] = input.dataset.end === "from" ? [low, low] : [high, high];
        parallel.keep(figure, j, low === 0 && high === last ? null : [levels[low].low, levels[high].high]);
      }));
      return make("div", {}, make("span", { textContent: label }), ...ends.flatMap((input) => [
        make("label", {}, `${input.dataset.end} `, input, make("output", {}))]));
    });
    const details = make("details", { className: "controls brushes" }, make("summary", { textContent: "Keep settings by their values" }), ...rows);
    const hint = make("p", { className: "formula", textContent: "Pull along an axis to keep the settings that cross it there; press on it to let go." });
    setTimeout(() => parallel.tell(figure, state));
    return [details, hint];
  },

  drawn(box) {
    const figure = box.closest("figure"), [plot] = figures.plots(figure);
    let axis = 0, pressed = 0;
    box.on("plotly_selected", (event) => {
      if (!event || !event.range) return;
      const low = Math.min(...event.range.y), high = Math.max(...event.range.y), j = axis;
      setTimeout(() => parallel.keep(figure, j, [low, high]));
    });
    box.addEventListener("pointerdown", (event) => {
      const area = box.querySelector(".nsewdrag").getBoundingClientRect(), [left, right] = plot.layout.xaxis.range;
      const place = left + ((event.clientX - area.left) / area.width) * (right - left);
      [axis, pressed] = [Math.min(plot.settings.axes.length - 1, Math.max(0, Math.round(place))), event.clientY];
    }, true);
    box.addEventListener("click", (event) => { // a press that did not pull
      if (Math.abs(event.clientY - pressed) < 4 && figures.state(figure).brush.has(axis)) parallel.keep(figure, axis, null);
    }, true);
  },
};
figures.kinds.settings = parallel;
