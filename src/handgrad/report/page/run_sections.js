(() => {
  // A section for a run (#run-ID) or a setting (#setting-LABEL), made when its address is asked for.
  const view = document.getElementById("section-view");
  if (!view || !runTable) return;
  const COLOURS = { training: "#E69F00", validation: "#0072B2", test: "#009E73" };
  const { text } = runValues;
  const make = (tag, more = {}, ...children) => {
    const found = Object.assign(document.createElement(tag), more);
    found.append(...children);
    return found;
  };
  const linked = (kind, name) => make("a", { href: `#${kind}-${encodeURIComponent(name)}`, textContent: name });
  const facts = (rows) => make("dl", { className: "facts" }, ...rows.filter(([, said]) => said && said.length !== 0)
    .map(([term, said]) => make("div", {}, make("dt", { textContent: term }),
      make("dd", {}, ...[said].flat().map((one) => (typeof one === "string" ? make("span", { className: "line", textContent: one }) : one))))));

  let sections = null, table = null, shown = "";
  const openers = new Map();  // address of a section -> what led to it
  const trail = [window.location.hash];  // addresses from the page's own to the one that is shown
  const known = async () => {
    [sections, table] = await Promise.all([sections || unpacked("sections").then(JSON.parse), runTable.ready]);
  };
  const value = (row, key) => {
    const i = table.columns.findIndex((column) => column.key === key);
    return i < 0 || row[i] === null ? "" : text(row[i], table.columns[i].form);
  };
  const rowOf = (id) => table.rows.find((row) => row[0] === id);
  const scores = (row) => table.columns.filter((column) => column.kind === "metric")
    .map((column) => [column.heading.replace(/ %$/, ""), value(row, column.key) + (column.form === "percent" ? " %" : "")])
    .filter(([, said]) => said && said !== " %");

  // Text to take away: copied, or saved as a file.
  const code = (title, said, file) => {
    const copy = make("button", { type: "button", className: "copy", textContent: "Copy" });
    copy.addEventListener("click", () => navigator.clipboard.writeText(said).then(() => { copy.textContent = "Copied"; }));
    const caption = make("figcaption", { textContent: `${title} ` });
    if (navigator.clipboard) caption.append(copy);
    if (file) {
      const save = make("a", { className: "save", download: file, textContent: `Save ${file}` });
      save.href = URL.createObjectURL(new Blob([said], { type: "text/plain" }));
      caption.append(save);
    }
    return make("figure", { className: "code" }, caption, make("pre", { tabIndex: 0 }, make("code", { textContent: said })));
  };

  const plotly = () => (window.Plotly ? Promise.resolve() : new Promise((go) => {
    document.addEventListener("handgrad:plotly", go, { once: true });
  }));
  const plot = (parent, title, x, lines, { percent = false, log = false } = {}) => {
    const box = make("div", { className: "plot", role: "img", ariaLabel: title });
    parent.append(make("div", { className: "panel" }, make("p", { className: "panel-title", textContent: title }), box));
    const y = lines.flatMap((line) => line.y).filter((one) => one !== null);
    const wide = log && Math.min(...y) > 0 && Math.max(...y) / Math.min(...y) > 50;
    const axis = { automargin: true, zeroline: false, exponentformat: "none" };
    plotly().then(() => window.Plotly.newPlot(box, lines.map((line) => ({
      type: "scatter", mode: line.y.length > 1 ? "lines" : "markers", x: line.x, y: line.y, name: line.name,
      line: { color: line.colour, width: 2 },
      hovertemplate: `${line.name} at ${x} %{x}: %{y:${percent ? ".2%" : ".4g"}}<extra></extra>`,
    })), {
      xaxis: { ...axis, title: { text: x, standoff: 6 } },
      yaxis: { ...axis, ...(wide ? { type: "log" } : {}), ...(percent ? { tickformat: ".0%" } : {}) },
      showlegend: lines.length > 1, legend: { orientation: "h", y: 1.02, yanchor: "bottom" },
      margin: { l: 8, r: 12, t: 8, b: 8 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { size: 12 }, hovermode: "x",
    }, { responsive: true, displaylogo: false, displayModeBar: false }));
  };
  const curves = (run) => {
    if (!document.getElementById("plotly") || (!run.curves && !run.losses)) return [];
    const box = make("div", { className: "panels panels-2" });
    const measures = new Map();
    Object.entries(run.curves || {}).forEach(([name, y]) => {
      const { measure, part, percent } = sections.curves[name];
      if (!measures.has(measure)) measures.set(measure, { percent, lines: [] });
      measures.get(measure).lines.push({ x: run.at, y, name: part, colour: COLOURS[part] || "#7A8087" });
    });
    measures.forEach(({ percent, lines }, measure) => plot(box, `${measure} by epoch`, "epoch", lines, { percent, log: !percent }));
    if (run.losses) {
      const n = run.losses.length, each = run.of / n;
      const x = run.losses.map((_, i) => Math.round((i + 1) * each));
      const title = each > 1 ? `loss of steps: means of ${n} equal stretches` : "loss of every step";
      plot(box, title, "step", [{ x, y: run.losses, name: "loss", colour: COLOURS.validation }], { log: true });
    }
    const thinned = run.at && run.at.length < run.at[run.at.length - 1] - run.at[0] + 1;
    return [make("h4", { textContent: "Curves" }), box,
      ...(thinned ? [make("p", { className: "note", textContent: `${run.at.length} of its epochs; all are in runs/…/curves.npz.` })] : [])];
  };

  const confusion = (run, setting) => {
    if (!run.confusion) return [];
    const { title, counts } = run.confusion, names = setting.classes;
    const head = make("tr", {}, make("th", { className: "corner", scope: "col", textContent: "actual\u00a0↓ predicted\u00a0→" }),
      ...names.map((name) => make("th", { scope: "col", textContent: name })));
    const rows = counts.map((row, i) => {
      const sum = row.reduce((total, count) => total + count, 0) || 1;
      return make("tr", {}, make("th", { scope: "row", textContent: names[i] }), ...row.map((count, j) => {
        const level = Math.max(Math.min(9, Math.floor(10 * Math.sqrt(count / sum))), Number(count > 0));
        return make("td", { className: `s${level}${i === j ? " right" : ""}` },
          make(count ? "b" : "i", { textContent: count ? count.toLocaleString("en") : "·" }));
      }));
    });
    const matrix = make("table", { className: `matrix${names.length > 12 ? " dense" : ""}` }, make("thead", {}, head), make("tbody", {}, ...rows));
    return [make("h4", { textContent: title }),
      make("div", { className: "scroll fitted", tabIndex: 0, role: "region", ariaLabel: title }, matrix)];
  };
  const pictures = (run) => Object.entries(run.pictures || {}).flatMap(([kind, { caption, uris, labels }]) => [
    make("h4", { textContent: kind === "weights" ? "Weights of the first layer" : "Its worst mistakes" }),
    make("ul", { className: `pictures columns-${kind === "weights" ? 8 : 5} named` }, ...uris.map((src, i) =>
      make("li", {}, make("img", { src, alt: labels[i] }), make("span", { textContent: labels[i] })))),
    make("p", { className: "note", textContent: caption }),
  ]);

  const runSection = (id) => {
    const run = sections.runs[id], row = rowOf(id);
    if (!run || !row) return null;
    const label = value(row, "setting"), setting = sections.settings[label];
    const seed = value(row, "seed"), fold = value(row, "fold");
    const environment = Object.entries(sections.environments[run.environment] || {}).map(([key, said]) => `${key} ${said}`);
    const times = ["total", "training", "evaluation"].map((one) => value(row, one) && `${one} ${value(row, one)} s`).filter(Boolean);
    const head = `name = "run-${id}"\nseeds = [${seed}]\n${setting.vary || ""}\n`;
    const again = run.continues
      ? `# goes on from run ${run.continues}: the study that has both makes it again\nhandgrad run STUDY.toml`
      : `handgrad run run-${id}.toml`;
    const missing = [!run.curves && !run.losses && "curves", !run.confusion && "the confusion matrix", !run.pictures && "pictures"]
      .filter(Boolean);
    return [
      make("h3", { textContent: `Run ${id}` }),
      facts([
        ["setting", [linked("setting", label), setting.name]],
        ["seed", seed + (fold && `, fold ${fold}`)], ["status", value(row, "status")],
        ["what went wrong", [run.trouble, run.reason].filter(Boolean)],
        ...scores(row),
        ["epochs, steps", [value(row, "epochs"), value(row, "steps")].filter(Boolean).join(", ")],
        ["times", times.join(", ")],
        ["network", setting.network ? [`${setting.network[0]}; ${setting.network[1]} parameters`] : []],
        ...(setting.formulas || []),
        ["environment", environment], ["finished", run.finished || ""],
        ["files", `runs/${id}`],
      ]),
      ...(run.error ? [code("Error", run.error)] : []),
      ...curves(run), ...confusion(run, setting), ...pictures(run),
      ...(value(row, "status") === "done" && missing.length
        ? [make("p", { className: "note", textContent: `Not in this page: ${missing.join(", ")}. They lie in runs/${id}; handgrad show ${id} tells of it.` })] : []),
      make("h4", { textContent: "Make it again" }),
      code("Command", `${again}\nhandgrad show ${id}`),
      code(`run-${id}.toml: every value that was in force`, head + setting.toml, `run-${id}.toml`),
    ];
  };

  const settingSection = (label) => {
    const setting = sections.settings[label];
    if (!setting) return null;
    const metric = table.columns.find((column) => column.key === table.metric);
    const metrics = table.columns.filter((column) => column.kind === "metric" && !column.hidden);
    const keys = ["seed", "fold", "status"].filter((key) => table.columns.some((column) => column.key === key));
    const rows = setting.runs.map(rowOf).filter(Boolean);
    const list = make("table", {}, make("thead", {}, make("tr", {}, ...["run", ...keys, ...metrics.map((column) => column.heading)]
      .map((name) => make("th", { scope: "col", textContent: name })))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, make("td", {}, linked("run", row[0])),
      ...keys.map((key) => make("td", { textContent: value(row, key) })),
      ...metrics.map((column) => make("td", { className: "number", textContent: value(row, column.key) || "–" }))))));
    const seeds = [...new Set(rows.map((row) => value(row, "seed")))];
    const name = label.replace(/[^\w-]+/g, "-");
    return [
      make("h3", { textContent: `Setting ${label}` }),
      facts([
        ["against the best", setting.word], [setting.phases.length > 1 ? "phases that list it" : "phase", setting.phases.join(", ")], ["what happened", setting.outcome],
        ...setting.axes, ...(setting.interval ? [setting.interval] : []), ...setting.scores,
        ["network", setting.network ? [`${setting.network[0]}; ${setting.network[1]} parameters`] : []],
        ...(setting.formulas || []),
      ]),
      make("h4", { textContent: metric ? `Its runs` : "Runs" }),
      make("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: `runs of setting ${label}` }, list),
      make("h4", { textContent: "Make it again" }),
      code(`Command`, `handgrad run setting-${name}.toml`),
      code(`setting-${name}.toml: every value that was in force`,
        `name = "setting-${name}"\nseeds = [${seeds.join(", ")}]\n${setting.vary || ""}\n${setting.toml}`, `setting-${name}.toml`),
    ];
  };

  // The focus goes back to what led to the section, or to another link to it, or to the run table.
  const close = () => {
    const led = openers.get(shown), links = [...document.querySelectorAll(`a[href="${CSS.escape(shown)}"]`)];
    view.replaceChildren();
    [led, ...links, document.querySelector("#run-table .search")].find((one) => {  // the first that can have it
      one?.focus();
      return one && document.activeElement === one;
    });
    shown = "";
  };
  const leave = () => {
    if (window.location.hash !== shown) close();  // the reader went elsewhere in the page
    else if (trail.length > 1) window.history.back();
    else {
      window.history.pushState("", "", window.location.pathname + window.location.search);
      trail[0] = "";
      close();
    }
  };
  const moved = () => {
    const back = trail.length > 1 && trail.at(-2) === window.location.hash;
    if (back) trail.pop(); else trail.push(window.location.hash);
    show(back);
  };
  const show = async (returned) => {
    const [, kind, written] = window.location.hash.match(/^#(run|setting)-(.+)$/) || [];
    if (!kind) {
      if (shown && (returned || !window.location.hash)) close();
      return;
    }
    shown = window.location.hash;
    await known();
    let name = written;
    try { name = decodeURIComponent(written); } catch { /* no link of this page: as it is written */ }
    const blocks = (kind === "run" ? runSection : settingSection)(name)
      || [make("h3", { textContent: `This study has no ${kind} ${name}` })];
    const back = make("button", { type: "button", className: "back", textContent: "← Back (Esc)" });
    back.addEventListener("click", leave);
    const section = make("section", { id: `${kind}-${name}`, className: "detail", tabIndex: -1, ariaLabel: `${kind} ${name}` },
      back, ...blocks);
    view.replaceChildren(section);
    section.scrollIntoView({ behavior: "instant" });
    section.focus({ preventScroll: true });
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#run-"], a[href^="#setting-"]');
    if (link && !view.contains(link)) openers.set(link.getAttribute("href"), link);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && shown && view.contains(document.activeElement)) leave();
  });
  window.addEventListener("hashchange", moved);
  show(false);
})();
