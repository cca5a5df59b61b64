"use strict";
(() => {
  // Once a second the server is asked how far the study is.  A newer report is loaded behind the one that is shown,
  // brought to the same place and state, and then takes its turn.
  const EVERY = 1000, PATIENCE = 10000;
  const message = document.getElementById("message"), note = document.getElementById("note");
  const frames = document.getElementById("frames");
  let shown = null, version = 0, coming = 0, last = -1, lost = 0, pressed = false, typed = 0, news = Date.now();

  const say = (place, text) => { if (place.textContent !== text) place.textContent = text; };
  const clock = (time) => new Date(time).toLocaleTimeString();

  const poll = async () => {
    if (over()) return;
    let status = null;
    try {
      const answer = await fetch("status", { cache: "no-store" });
      status = answer.ok ? await answer.json() : null;
    } catch { /* the server has ended, or the machine sleeps */ }
    if (status) {
      lost = 0;
      if (status.version === version) say(message, status.message);  // of what is shown, not of what comes
      const held = status.version > version && busy();
      say(note, status.problem || (held ? `A newer report waits: ${held}.` : `Updated ${clock(news)}.`));
      if (status.version > version && !coming && !held) load(status);
      last = status.over && !status.stays ? status.version : -1;
    } else lost += 1;
    if (over()) return;
    if (lost > 2) say(note, `The server does not answer: this is the report of ${clock(news)}.`);
    setTimeout(poll, lost > 2 ? PATIENCE : EVERY);
  };
  // Whether what is shown is the last report: the server ends as soon as nobody asks it any more.
  const over = () => {
    if (last !== version) return false;
    say(note, `The last report, of ${clock(news)}: this server has ended.`);
    document.getElementById("alone")?.remove();
    return true;
  };

  // What the reader is doing that a change of the page would disturb; empty where nothing.
  const busy = () => {
    if (!shown) return "";
    if (pressed) return "a button of the mouse is down";
    if (Date.now() - typed < 1500) return "keys are pressed";
    const marked = shown.contentDocument.getSelection();
    return marked && !marked.isCollapsed ? "text is selected" : "";
  };

  const load = ({ version: next, message: said }) => {
    coming = next;
    const frame = document.createElement("iframe");
    frame.className = "coming";
    frame.title = "report";
    frame.src = `report/index.html?version=${next}${shown ? "" : location.hash}`;
    frame.addEventListener("load", () => change(frame, next, said), { once: true });
    frames.append(frame);
  };

  const change = async (frame, next, said) => {
    const page = frame.contentDocument, before = shown;
    watch(frame);
    if (before) {
      await plotted(frame);
      const state = stateOf(before);
      restore(frame, state);
      await drawn(frame);
      if (busy()) { frame.remove(); coming = 0; return; }
      if (changed(before, state)) restore(frame, stateOf(before));
      else place(frame, state);
    }
    frame.classList.remove("coming");
    if (before) {
      focus(frame, before);
      before.remove();
    }
    shown = frame;
    version = next;
    say(message, said);
    coming = 0;
    news = Date.now();
    document.title = `${page.title} (live)`;
    frame.dataset.version = next;
    over();
  };

  // An element is found again in the next report by its id, or by the nearest id above it and its number among its kind.
  const keyOf = (element) => {
    if (element.id) return ["#" + CSS.escape(element.id), "", 0];
    const above = element.parentElement && element.parentElement.closest("[id]");
    const named = element.tagName.toLowerCase() + (element.dataset.line ? `[data-line="${CSS.escape(element.dataset.line)}"]` : "");
    const others = [...(above || element.ownerDocument).querySelectorAll(named)];
    return [above ? "#" + CSS.escape(above.id) : "", named, others.indexOf(element)];
  };
  const found = (page, [above, named, number]) => {
    const near = above ? page.querySelector(above) : page;
    return near && named ? near.querySelectorAll(named)[number] || null : near;
  };
  const all = (page, kind, take) => [...page.querySelectorAll(kind)].map((one) => [keyOf(one), take(one)]);

  const stateOf = (frame) => {
    const page = frame.contentDocument, top = frame.contentWindow.scrollY;
    const marks = [...page.querySelectorAll("section[id], figure[id]")].filter((one) => one.getBoundingClientRect().top <= 1);
    const mark = marks.at(-1);
    return {
      top, mark: mark && [mark.id, mark.getBoundingClientRect().top], runs: frame.selected || null,
      zoomed: frame.zoomed || {},
      open: all(page, "details", (one) => one.open),
      pressed: all(page, "button[aria-pressed]", (one) => one.getAttribute("aria-pressed")),
      fields: all(page, "input, select, textarea", (one) => (/checkbox|radio/.test(one.type) ? one.checked : one.value)),
      sorted: all(page, "th[aria-sort]", (one) => one.getAttribute("aria-sort")),
      moved: all(page, ".scroll", (one) => [one.scrollLeft, one.scrollTop]),
    };
  };
  const changed = (frame, state) => JSON.stringify({ ...stateOf(frame), top: 0, mark: 0, runs: 0 })
    !== JSON.stringify({ ...state, top: 0, mark: 0, runs: 0 }) || (frame.selected || null) !== state.runs;

  const restore = (frame, state) => {
    const page = frame.contentDocument;
    const each = (entries, act) => entries.forEach(([key, value]) => {
      const one = found(page, key);
      if (one) act(one, value);
    });
    each(state.open, (one, open) => { one.open = open; });
    each(state.fields, (one, value) => {
      const name = /checkbox|radio/.test(one.type) ? "checked" : "value";
      if (one.type === "file" || one[name] === value) return;
      one[name] = value;
      ["input", "change"].forEach((kind) => one.dispatchEvent(new Event(kind, { bubbles: true })));
    });
    each(state.pressed, (one, value) => { if (one.getAttribute("aria-pressed") !== value) one.click(); });
    each(state.sorted, (one, value) => {
      for (let press = 0; press < 3 && one.getAttribute("aria-sort") !== value; press++) one.click();
    });
    if (state.runs && !frame.selected) page.dispatchEvent(new CustomEvent("handgrad:choose", { detail: state.runs }));
    each(state.moved, (one, [left, top]) => one.scrollTo(left, top));
    place(frame, state);
  };
  const place = (frame, { top, mark }) => {
    const there = mark && frame.contentDocument.getElementById(mark[0]);
    const to = there ? frame.contentWindow.scrollY + there.getBoundingClientRect().top - mark[1] : top;
    frame.contentWindow.scrollTo({ top: to, behavior: "instant" });
  };

  // What takes a press, the run table and the lines of figures, works once plotly is there; the plots near the window
  // are drawn some moments later.
  const until = async (happened) => {
    const begun = Date.now();
    while (!happened() && Date.now() - begun < PATIENCE) await new Promise((done) => { setTimeout(done, 50); });
  };
  const works = (page) => !page.getElementById("plotly") || page.body.classList.contains("plotted");
  const plotted = (frame) => until(() => works(frame.contentDocument));
  const drawn = (frame) => until(() => {
    const page = frame.contentDocument;
    return works(page) && ![...page.querySelectorAll(".plot:not([data-drawn])")].some((box) => {
      const { top, bottom, height } = box.getBoundingClientRect();
      return height && bottom > 0 && top < frame.contentWindow.innerHeight;
    });
  });

  const focus = (frame, before) => {
    const at = before.contentDocument.activeElement, own = document.activeElement === before;
    const there = at && at !== before.contentDocument.body ? found(frame.contentDocument, keyOf(at)) : null;
    if (own) frame.focus();
    if (own && there) {
      there.focus({ preventScroll: true });
      if (at.selectionStart !== undefined && at.selectionStart !== null) there.setSelectionRange(at.selectionStart, at.selectionEnd);
    }
  };

  // What is not written in the page: the selection of runs, and how plots are zoomed.
  const watch = (frame) => {
    const page = frame.contentDocument;
    frame.zoomed = shown ? { ...shown.zoomed } : {};
    frame.selected = null;
    page.addEventListener("handgrad:selection", (event) => { frame.selected = event.detail.runs && event.detail; });
    page.addEventListener("pointerdown", () => { pressed = true; }, true);
    ["pointerup", "pointercancel"].forEach((kind) => page.addEventListener(kind, () => { pressed = false; }, true));
    page.addEventListener("keydown", () => { typed = Date.now(); }, true);
    frame.contentWindow.addEventListener("hashchange", () => {
      history.replaceState(null, "", frame.contentWindow.location.hash || location.pathname);
    });
    const attend = (box) => {
      const key = box.dataset.plot;
      if (!box.on) return;
      if (frame.zoomed[key]) frame.contentWindow.Plotly.relayout(box, frame.zoomed[key]);
      box.on("plotly_relayout", (told) => {
        const ranges = Object.entries(told).filter(([name]) => /^[xy]axis\d*\.range/.test(name));
        if (ranges.length) frame.zoomed[key] = { ...frame.zoomed[key], ...Object.fromEntries(ranges) };
        else if (Object.keys(told).some((name) => name.endsWith("autorange"))) delete frame.zoomed[key];
      });
    };
    page.querySelectorAll("[data-drawn]").forEach(attend);
    new MutationObserver((entries) => entries.forEach(({ target }) => attend(target)))
      .observe(page.body, { subtree: true, attributeFilter: ["data-drawn"] });
  };

  document.addEventListener("visibilitychange", () => { if (!document.hidden && lost) lost = 0; });
  poll();
})();
