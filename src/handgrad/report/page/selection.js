"use strict";
// Which runs are shown.  What filters runs (the table, a brush) calls choose(); what shows runs listens to
// "handgrad:selection" on the document.  runs: null for all of them, or a Set of run ids.  The page around a report that
// changes (report/live/) makes the choice again in the next one by the event "handgrad:choose".
const selection = {
  runs: null,
  by: "",
  choose(runs, by) {
    selection.runs = runs;
    selection.by = by;
    document.dispatchEvent(new CustomEvent("handgrad:selection", { detail: { runs, by } }));
  },
  has: (run) => selection.runs === null || selection.runs.has(run),
};
document.addEventListener("handgrad:choose", ({ detail }) => selection.choose(detail.runs, detail.by));
