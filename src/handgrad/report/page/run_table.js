// The run table: sorted, filtered by column, searched, grouped by a hyperparameter, copied and downloaded.  What it
// shows is the selection of the page; what another part selects is what it shows.
const runTable = (() => {
  const root = document.getElementById("run-table");
  if (!root) return null;
  const CHOICES = 12;  // different words in a column that are offered as a list
  const { numeric, text, test, mean, spread, order, escaped } = runValues;
  const make = (tag, more, ...children) => {
    const { dataset, ...rest } = more;
    const found = Object.assign(document.createElement(tag), rest);
    Object.assign(found.dataset, dataset);
    found.append(...children);
    return found;
  };
  let data = null, columns = [], rows = [];
  const texts = [];  // of each row, in small letters, once it is searched
  let table = null, brushed = null, by = "", group = "", shown = [];
  const tests = new Map();  // key of a column -> what its filter lets through
  let words = [];

  const place = (key) => columns.findIndex((column) => column.key === key);
  const passes = (row, i) => {
    if (brushed && !brushed.has(row[0])) return false;
    for (const [at, holds] of tests) if (!holds(row[at])) return false;
    return words.every((word) => written(i).includes(word));
  };

  const written = (i) => {
    texts[i] ??= rows[i].map((value, at) => text(value, columns[at].form)).join(" ").toLowerCase();
    return texts[i];
  };
  const link = (kind, name) => `<a href="#${kind}-${encodeURIComponent(name)}">${escaped(name)}</a>`;
  const cell = (form) => (value, type) => {
    if (type === "sort" || type === "type") return value;
    if (type === "display" && value !== null && (form === "run" || form === "setting")) return link(form, value);
    return type === "display" ? escaped(text(value, form)) : text(value, form);
  };
  const groupCell = (column) => (value, type) => {
    if (type === "sort" || type === "type") return value.mean;
    const said = type === "display" ? spread(value, column.form).replace(" ± ", "\u00a0±\u00a0") : spread(value, column.form);
    return value.n && value.n < value.of ? `${said} (${value.n} of ${value.of})` : said;
  };

  // The table of runs, or of groups, in a new element.
  const build = () => {
    if (table) table.destroy(true);
    const element = make("table", { className: "runs" });
    root.querySelector(".body").replaceChildren(element);
    const head = group ? groupColumns() : columns.map((column) => ({ ...column, render: cell(column.form) }));
    element.append(make("caption", { textContent: group ? `Runs by ${columns[place(group)].heading}` : "Every run" }));
    element.append(make("thead", {}, make("tr", {}, ...head.map((column) =>
      make("th", { textContent: column.heading, dataset: { key: column.key } })))));
    if (!group) element.tHead.append(make("tr", { className: "filters", dataset: { dtOrder: "disable" } }, ...columns.map(filterCell)));
    const first = Math.max(0, head.findIndex((column) => column.key === data.metric));
    const exported = { columns: ":visible", orthogonal: "export", modifier: { search: "applied", order: "applied" },
      customizeData: (all) => { all.headerStructure = all.headerStructure.slice(0, 1); } };  // without the filters
    const saved = { title: null, messageTop: null, footer: false, exportOptions: exported };
    table = new window.DataTable(element, {
      data: group ? groupRows() : rows,
      columns: head.map((column, i) => ({
        data: i, render: column.render, visible: !column.hidden, type: "handgrad", ariaTitle: column.heading,
        className: numeric.has(column.form) && i ? "number" : "",
      })),
      order: [[first, data.down ? "asc" : "desc"]],
      titleRow: 0, autoWidth: false, pageLength: 25, lengthMenu: [10, 25, 100, -1],
      layout: { topStart: "buttons", topEnd: null, bottomStart: ["info", "pageLength"], bottomEnd: "paging" },
      buttons: [
        { ...saved, extend: "copyHtml5", text: "Copy" },
        { ...saved, extend: "copyHtml5", text: "Copy as CSV", fieldSeparator: ",", fieldBoundary: '"' },
        { ...saved, extend: "csvHtml5", text: "Download CSV", filename: group ? "groups" : "runs", bom: false },
      ],
      language: {
        info: group ? "_TOTAL_ _ENTRIES-TOTAL_" : "_START_ to _END_ of _TOTAL_ runs", entries: { _: "groups", 1: "group" }, infoEmpty: "none", infoFiltered: "",
        lengthMenu: "_MENU_ a page", lengthLabels: { "-1": "all" }, emptyTable: "nothing to show", zeroRecords: "no run passes the filters",
        buttons: { copyTitle: "Copied", copySuccess: { _: "%d rows copied", 1: "1 row copied" } },
      },
    });
    if (!group) table.search.fixed("shown", (_, row, i) => passes(rows[i], i));
    const scroll = root.querySelector(".dt-layout-table .dt-layout-cell");
    Object.assign(scroll, { tabIndex: 0 });
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", "run table");
    root.querySelector(".columns div").replaceChildren(...head.map((column, i) => {
      const box = make("input", { type: "checkbox", checked: !column.hidden });
      box.addEventListener("change", () => {
        table.column(i).visible(box.checked);
        if (!group) columns[i].hidden = !box.checked;
      });
      return make("label", {}, box, ` ${column.heading}`);
    }));
    apply(false);
  };

  const groupColumns = () => {
    const of = columns[place(group)];
    const value = (one, type) => {
      if (type === "sort" || type === "type") return one;
      if (type !== "display" || one === null) return text(one, of.form) || "none";
      return `<button type="button" class="only" title="show these runs">${escaped(text(one, of.form))}</button>`;
    };
    const found = columns.filter((column) => ["metric", "time"].includes(column.kind));
    return [
      { key: of.key, heading: of.heading, form: of.form, render: value },
      { key: "n", heading: "n", form: "number", render: cell("number") },
      ...found.map((column) => ({ ...column, heading: `${column.heading} (mean ± std)`, render: groupCell(column) })),
    ];
  };
  const groupRows = () => {
    const at = place(group), groups = new Map();
    rows.forEach((row, i) => {
      if (!passes(row, i)) return;
      [row[at]].flat().forEach((value) => {
        if (!groups.has(value)) groups.set(value, []);
        groups.get(value).push(row);
      });
    });
    const measured = columns.map((column, i) => i).filter((i) => ["metric", "time"].includes(columns[i].kind));
    return [...groups].map(([value, own]) => [value, own.length,
      ...measured.map((i) => ({ ...mean(own.map((row) => row[i]), data.ddof), of: own.length }))]);
  };

  const filterCell = (column, i) => {
    const about = { ariaLabel: `filter ${column.heading}`, dataset: { filter: column.key } };
    const box = column.values
      ? make("select", about, make("option", { value: "", textContent: "all" }),
        ...column.values.map((value) => make("option", { value, textContent: value })))
      : make("input", { ...about, type: "search", autocomplete: "off",
        placeholder: numeric.has(column.form) ? "> or a..b" : "contains" });
    box.value = column.typed || "";
    box.addEventListener(column.values ? "change" : "input", () => { filter(i, box.value); chosen(); });
    return make("td", {}, box);
  };
  // Set the filter of a column; what is no filter is marked, and lets everything through.
  const filter = (i, typed) => {
    const holds = typed.trim() ? test(typed.trim(), columns[i]) : undefined;
    columns[i].typed = typed;
    columns[i].wrong = holds === null;
    if (holds) tests.set(i, holds); else tests.delete(i);
    const box = root.querySelector(`.filters [data-filter="${CSS.escape(columns[i].key)}"]`);
    if (!box) return;
    box.setAttribute("aria-invalid", String(columns[i].wrong));
  };
  const wrong = () => columns.filter((column) => column.wrong).map((column) =>
    ` “${column.typed}” is no filter of ${column.heading} and lets all pass; filters are a number, a list 8, 16, a range 0.1 .. 0.5 from the smaller to the larger, or > >= < <= and a number.`);

  // Show what passes, and say how many.
  const apply = (again = true) => {
    shown = rows.filter(passes);
    if (group && again) table.clear().rows.add(groupRows());
    table.draw();
    const all = shown.length === rows.length;
    const from = brushed ? `, chosen in ${by}` : "", at = place(group);
    const twice = group && shown.some((row) => [row[at]].flat().length > 1)
      ? [` A run counts in each ${columns[at].heading} that lists its setting`] : [];
    root.querySelector(".said").textContent = [all
      ? `${rows.length.toLocaleString("en")} runs`
      : `${shown.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} runs${from}`, ...twice, ...wrong()].join(".");
    root.querySelector(".all").hidden = all && !brushed;
  };
  // What the reader filters is the page's selection.
  const chosen = () => {
    apply();
    selection.choose(shown.length === rows.length ? null : new Set(shown.map((row) => row[0])), "table");
  };
  const clear = () => {
    brushed = null;
    words = [];
    root.querySelector(".search").value = "";
    columns.forEach((column, i) => { column.typed = ""; filter(i, ""); });
    root.querySelectorAll(".filters input, .filters select").forEach((box) => { box.value = ""; });
  };
  const groupBy = (key) => {
    group = key;
    root.querySelector(".group").value = key;
    build();
  };

  const begin = ([said, code]) => {
    runScript(code);
    data = JSON.parse(said);
    ({ columns, rows } = data);
    columns.forEach((column, i) => {
      if (numeric.has(column.form) || ["run", "setting"].includes(column.form)) return;
      const values = [...new Set(rows.flatMap((row) => row[i]).filter((value) => value !== null))];
      if (values.length <= CHOICES || column.form === "names") column.values = values.map(String).sort(order(true));
    });
    const orders = window.DataTable.ext.type.order;
    orders["handgrad-asc"] = order(true);
    orders["handgrad-desc"] = order(false);
    const groups = columns.filter((column) => column.kind === "axis" || ["setting", "seed", "phase", "fold", "status"]
      .includes(column.key));
    root.replaceChildren(
      make("div", { className: "tools" },
        make("label", {}, "Search ", make("input", { type: "search", className: "search", autocomplete: "off" })),
        make("label", {}, "Group by ", make("select", { className: "group" }, make("option", { value: "", textContent: "no group" }),
          ...groups.map((column) => make("option", { value: column.key, textContent: column.heading })))),
        make("p", { className: "said", role: "status" }),
        make("button", { type: "button", className: "all", textContent: "Show all runs" })),
      make("details", { className: "columns" }, make("summary", { textContent: "Columns" }),
        make("div", { role: "group", ariaLabel: "columns of the table" })),
      make("div", { className: "body" }));
    const chooser = root.querySelector(".columns");
    chooser.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !chooser.open) return;
      chooser.open = false;
      chooser.querySelector("summary").focus();
    });
    root.querySelector(".search").addEventListener("input", (event) => {
      words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
      chosen();
    });
    root.querySelector(".group").addEventListener("change", (event) => groupBy(event.target.value));
    root.querySelector(".all").addEventListener("click", () => { clear(); chosen(); root.querySelector(".search").focus(); });
    root.addEventListener("click", (event) => {
      const button = event.target.closest(".only");
      if (!button) return;
      const at = place(group), typed = text(table.row(button.closest("tr")).data()[0], columns[at].form);
      groupBy("");
      filter(at, typed);
      root.querySelector(`.filters [data-filter="${CSS.escape(columns[at].key)}"]`).value = typed;
      chosen();
      root.querySelector(".group").focus();  // the button that was pressed is gone
    });
    document.addEventListener("handgrad:selection", ({ detail }) => {
      if (detail.by === "table") return;
      clear();
      brushed = detail.runs;
      by = detail.by;
      apply();
    });
    if (selection.runs) [brushed, by] = [selection.runs, selection.by];
    build();
    linkSettings(new Set(rows.map((row) => row[place("setting")])));
    performance.mark("run-table");
    return { columns, rows };
  };
  // The labels in the page's tables of settings lead to the sections of the settings.
  const linkSettings = (known) => {
    document.querySelectorAll("table.sortable").forEach((one) => {
      if (one.tHead.rows[0].cells[0].textContent !== "setting") return;
      [...one.tBodies[0].rows].forEach(({ cells: [first] }) => {
        const name = first.textContent.trim();
        if (!known.has(name)) return;
        const to = make("a", { href: "#setting-" + encodeURIComponent(name) }, ...first.childNodes);
        first.append(to);
      });
    });
  };
  return { ready: Promise.all(["runs", "datatables"].map(unpacked)).then(begin) };
})();
