// What the columns of the run table hold: how values are written, what a filter means, means over groups.
const runValues = (() => {
  const numeric = new Set(["number", "percent", "metric", "seconds"]);
  const short = (value, digits) => String(Number(value.toPrecision(digits)));
  // As `shown` in study/changes.py: large ones written out, small ones as 1e-05.
  const number = (value) => {
    const size = Math.abs(value);
    if (size >= 1e6 && size < 1e15) return value.toFixed(0);
    if (size && size < 1e-4) return Number(value.toPrecision(6)).toExponential().replace(/e-(\d)$/, "e-0$1");
    return short(value, 6);
  };
  const text = (value, form) => {
    if (value === null) return "";
    if (form === "percent") return (100 * value).toFixed(2);
    if (form === "metric") return Math.abs(value) >= 1e-4 ? Number(value.toPrecision(4)).toString() : value.toExponential(3);
    if (form === "seconds") return value >= 100 ? value.toFixed(1) : short(value, 3);
    if (form === "names") return [value].flat().join(", ");
    return form === "number" ? number(value) : String(value);
  };
  // A filter of numbers in the unit that the table shows: "> 0.9", "0.1 .. 0.5", "50 ..", "8, 16"; null where it is none.
  const LIMITS = { ">": (x, a) => x > a, ">=": (x, a) => x >= a, "<": (x, a) => x < a, "<=": (x, a) => x <= a };
  const term = (typed, form) => {
    const unit = form === "percent" ? 100 : 1;
    const word = typed.replace(/−/g, "-").replace(/≥/g, ">=").replace(/≤/g, "<=").replace(/%/g, "").trim();
    const limit = word.match(/^(>=|<=|>|<)\s*(\S+)$/);
    const range = word.match(/^(\S*?)\s*(?:\.\.|–| to )\s*(\S*)$/);
    if (limit && Number.isFinite(+limit[2])) return (x) => LIMITS[limit[1]](unit * x, +limit[2]);
    if (range && (range[1] || range[2])) {
      const low = range[1] ? +range[1] : -Infinity, high = range[2] ? +range[2] : Infinity;
      return low <= high ? (x) => unit * x >= low && unit * x <= high : null;
    }
    const equal = word.replace(/^=\s*/, ""), value = equal === "" ? NaN : +equal;
    if (!Number.isFinite(value)) return null;
    return (x) => Math.abs(unit * x - value) <= 1e-9 * Math.abs(value) || +text(x, form) === value;
  };
  // The test of a filter, or null where what was typed is none.
  const test = (typed, column) => {
    if (!numeric.has(column.form)) {
      if (column.values) return (value) => [value].flat().includes(typed);  // one of them, in a column of several names
      const wanted = typed.toLowerCase();
      return (value) => value !== null && String(value).toLowerCase().includes(wanted);
    }
    const terms = typed.split(/,|;/).filter((one) => one.trim()).map((one) => term(one, column.form));
    if (terms.some((one) => one === null)) return null;
    return (value) => value !== null && terms.some((one) => one(value));
  };
  // n, mean and standard deviation of the values that are there.
  const mean = (values, ddof) => {
    const found = values.filter((value) => value !== null);
    const n = found.length;
    if (!n) return { n, mean: null, std: null };
    const middle = found.reduce((sum, value) => sum + value, 0) / n;
    const squares = found.reduce((sum, value) => sum + (value - middle) ** 2, 0);
    return { n, mean: middle, std: n > 1 ? Math.sqrt(squares / (n - ddof)) : null };
  };
  const spread = ({ mean: middle, std }, form) => {
    if (middle === null) return "";
    const wide = std === null ? "" : form === "percent" ? (100 * std).toFixed(2) : short(std, 2);
    return text(middle, form) + (wide && ` ± ${wide}`);
  };
  // Order of values: numbers as numbers, words as people order them, what is empty last both ways.
  const order = (up) => (a, b) => {
    if (a === null || b === null) return (a === null) - (b === null);
    const found = typeof a === "number" && typeof b === "number" ? a - b
      : String(a).localeCompare(String(b), undefined, { numeric: true });
    return up ? found : -found;
  };
  const escaped = (value) => String(value).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
  return { numeric, text, test, mean, spread, order, escaped };
})();
