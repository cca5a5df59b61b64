// What the columns of the run table hold: how values are written, what a filter means, means over groups.
const runValues = (() => {
  const numeric = new Set(["number", "percent", "metric", "seconds"]);
  // As `decimals` and `significant` in decimals.py: rounded once, from the shortest decimal, halves up.
  const parts = (value) => {
    const [digits, exponent] = Math.abs(value).toExponential().split("e");
    return [value < 0 ? "-" : "", digits.replace(".", ""), value ? Number(exponent) : -Infinity];
  };
  const rounded = (digits, exponent, places) => {
    const kept = exponent + 1 + places;  // digits that stay
    const whole = kept < 0 ? "0" : kept >= digits.length ? digits.padEnd(kept, "0")
      : String(Number(digits.slice(0, kept) || "0") + (digits[kept] >= "5"));
    const long = whole.padStart(places + 1, "0");
    return places ? `${long.slice(0, -places)}.${long.slice(-places)}` : long;
  };
  const decimals = (value, places, shift = 0) => {
    const [sign, digits, exponent] = parts(value);
    return sign + rounded(digits, exponent + shift, places);
  };
  const significant = (value, n) => {
    if (!value) return "0";
    const [sign, digits, exponent] = parts(value), bare = (written) => written.replace(/\.?0+$/, "");
    if (exponent >= 15) return Number(value.toPrecision(n)).toExponential();
    const places = Math.max(0, n - 1 - exponent), found = rounded(digits, exponent, places);
    if (Number(found) >= 1e-4) return sign + (places ? bare(found) : found);
    const mantissa = bare(rounded(digits, 0, n - 1));
    const [head, less] = mantissa === "10" ? ["1", exponent + 1] : [mantissa, exponent];
    return `${sign}${head}e-${String(-less).padStart(2, "0")}`;
  };
  const text = (value, form) => {
    if (value === null) return "";
    if (form === "percent") return decimals(value, 2, 2);
    if (form === "metric") return significant(value, 4);
    if (form === "seconds") return value >= 100 ? decimals(value, 1) : significant(value, 3);
    if (form === "names") return [value].flat().join(", ");
    return form === "number" ? significant(value, 6) : String(value);
  };
  // A filter of numbers as the table shows them, rounded and in its unit: "> 0.9", "0.1 .. 0.5", "50 ..", "8, 16"; null
  // where it is none.
  const LIMITS = { ">": (x, a) => x > a, ">=": (x, a) => x >= a, "<": (x, a) => x < a, "<=": (x, a) => x <= a };
  const term = (typed) => {
    const word = typed.replace(/−/g, "-").replace(/≥/g, ">=").replace(/≤/g, "<=").replace(/%/g, "").trim();
    const limit = word.match(/^(>=|<=|>|<)\s*(\S+)$/);
    const range = word.match(/^(\S*?)\s*(?:\.\.|–| to )\s*(\S*)$/);
    if (limit && Number.isFinite(+limit[2])) return (x) => LIMITS[limit[1]](x, +limit[2]);
    if (range && (range[1] || range[2])) {
      const low = range[1] ? +range[1] : -Infinity, high = range[2] ? +range[2] : Infinity;
      return low <= high ? (x) => x >= low && x <= high : null;
    }
    const equal = word.replace(/^=\s*/, ""), value = equal === "" ? NaN : +equal;
    return Number.isFinite(value) ? (x, exact) => x === value || Math.abs(exact - value) <= 1e-9 * Math.abs(value) : null;
  };
  // The test of a filter, or null where what was typed is none.
  const test = (typed, column) => {
    if (!numeric.has(column.form)) {
      if (column.values) return (value) => [value].flat().includes(typed);  // one of them, in a column of several names
      const wanted = typed.toLowerCase();
      return (value) => value !== null && String(value).toLowerCase().includes(wanted);
    }
    const terms = typed.split(/,|;/).filter((one) => one.trim()).map(term);
    if (terms.some((one) => one === null)) return null;
    const unit = column.form === "percent" ? 100 : 1;
    return (value) => value !== null && terms.some((one) => one(+text(value, column.form), unit * value));
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
    const wide = std === null ? "" : form === "percent" ? decimals(std, 2, 2) : significant(std, 2);
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
