(() => {
  // Tables of the page: a button in each heading sorts by its column, numbers as numbers, what is empty last both ways;
  // sums stay at the end.  Of more than TOP settings the first are shown, the others on demand.
  const TOP = 10;
  const EMPTY = new Set(["", "–", "not compared"]);
  const number = (text) => {
    const found = text.replace(/−/g, "-").replace(/,(?=\d{3})/g, "").match(/[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?/i);
    if (!found) return null;
    const just = text.startsWith("<") ? -1 : text.startsWith(">") ? 1 : 0;  // "< 0.001" comes before 0.001
    return parseFloat(found[0]) + just * 1e-9 * Math.max(1, Math.abs(parseFloat(found[0])));
  };
  const sortBy = (table, i, up) => {
    const asNumbers = table.tHead.rows[0].cells[i].classList.contains("number");
    const value = (row) => {
      const text = row.cells[i].textContent.trim();
      return EMPTY.has(text) ? null : asNumbers ? number(text) : text;
    };
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [row, value(row), row.classList.contains("total")]);
    rows.sort(([, a, last], [, b, other]) => {
      if (last !== other) return last - other;
      if (a === null || b === null) return (a === null) - (b === null);
      const order = asNumbers ? a - b : a.localeCompare(b, undefined, { numeric: true });
      return up ? order : -order;
    });
    body.append(...rows.map(([row]) => row));
  };
  document.querySelectorAll("table.sortable").forEach((table) => {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, i) => {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "sort" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        sortBy(table, i, up);
      });
    });

    const rows = table.tBodies[0].rows.length;
    if (heads[0].textContent !== "setting") return;
    if (rows <= TOP + 2) return;
    const more = Object.assign(document.createElement("button"), { type: "button", className: "more" });
    const set = (short) => {
      table.classList.toggle("short", short);
      more.setAttribute("aria-expanded", String(!short));
      more.textContent = short ? `Show all ${rows.toLocaleString("en")} rows` : `Show the first ${TOP} only`;
    };
    more.addEventListener("click", () => set(!table.classList.contains("short")));
    table.closest(".scroll").after(more);
    set(true);
  });
})();
