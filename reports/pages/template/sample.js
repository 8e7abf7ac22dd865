"use strict";
/* One sample, opened: its pictures, which a click enlarges, with masks or without; what each system did; and the
   candidates of each. `around(sample)` gives the samples before and after it; `place(sample)` puts it in the address. */
const Opened = (dialog, { systems, calls }, parts, around, place) => {
  const { colour, column, front, make, many, meta, missed, named, panel, resolved, seconds, spread, truth, view } = parts;
  const state = { sample: null, drawings: [], strip: null };

  /* `large`: the place of the cell that is enlarged at once. */
  function show(sample, large = -1) {
    const [before, after] = around(sample);
    const drawings = (state.drawings = []);
    const step = (to, text, title) => button(text, title, () => show(to), { disabled: !to });
    const extra = new Map(systems.map((system) => [system, new Set()]));
    state.sample = sample;
    state.strip = make("div.strip", {}, truth(sample, drawings),
      systems.map((system) => column(sample, system, drawings, extra.get(system), 99)));
    [...state.strip.children].forEach(enlarging);
    dialog.replaceChildren(
      make("div.bar", {}, meta(sample), masks(), step(before, "←", "Previous sample"), step(after, "→", "Next sample"),
        button("✕", "Close (Esc)", () => dialog.close())),
      make("h3", {}, sample.text), state.strip,
      make("div.sides", {}, systems.map((system) => side(sample, system, drawings, extra.get(system)))));
    dialog.onkeydown = (event) => {
      const to = { ArrowLeft: before, ArrowRight: after }[event.key];
      if (to) show(to);
      if (event.key === "m") dialog.querySelector(".masks").click();
    };
    if (!dialog.open) dialog.showModal();
    dialog.focus();
    dialog.scrollTop = 0;
    place(sample);
    if (large >= 0) front(state.strip.children[large]), state.strip.children[large].classList.add("large");
    draw();
  }

  function button(text, title, act, more = {}) {
    const element = make("button", { type: "button", title, ...more }, text);
    element.addEventListener("click", act);
    return element;
  }

  function draw() {
    spread(state.strip);
    spread(dialog.querySelector(".sides"), 270, false);
    for (const start of state.drawings) start();
  }

  function masks() {
    const element = button("Masks", "Show or hide all masks (m)", () => {
      view.masks = !view.masks;
      element.setAttribute("aria-pressed", String(view.masks));
      draw();
    });
    element.classList.add("masks");
    element.setAttribute("aria-pressed", String(view.masks));
    return element;
  }

  /* A click on the picture of a cell, or Enter, gives it the whole width, and takes it back. */
  function enlarging(cell) {
    const canvas = cell.querySelector("canvas");
    if (!canvas) return;
    const turn = () => {
      const large = !cell.classList.contains("large");
      for (const other of state.strip.children) other.classList.toggle("large", large && other === cell);
      draw();
      if (large) dialog.scrollTop = 0;
    };
    Object.assign(canvas, { tabIndex: 0, role: "button", title: "Enlarge, or back" });
    canvas.addEventListener("click", turn);
    canvas.addEventListener("keydown", (event) => event.key === "Enter" && turn());
  }

  function side(sample, system, drawings, extra) {
    const answer = sample.answers[system];
    const name = make("h4.system", {}, system);
    if (!answer) return make("section", { "--c": colour(system) }, name, make("p.remark", {}, "no answer"));
    const lost = missed(answer);
    return make("section", { "--c": colour(system) }, name,
      answer.message ? make("p.message", {}, answer.message) : null,
      lost ? make("p.remark", {}, lost) : null,
      timeline(answer, sample, drawings), candidates(sample, system, drawings, extra));
  }

  function timeline(answer, sample, drawings) {
    if (!answer.calls.length) return make("p.remark", {}, "No calls recorded");
    const end = Math.max(answer.latency || 0, ...answer.calls.map(([, start, duration]) => start + duration), 1e-9);
    const rows = answer.calls.map(([kind, start, duration, read, written, note, sent]) =>
      make("li", { "--call": `var(--call-${Object.hasOwn(calls, kind) ? kind : "other"})` },
        make("span.kind", {}, Object.hasOwn(calls, kind) ? calls[kind] : kind),
        make("span.track", { "--from": `${(100 * start) / end}%`, "--long": `${(100 * duration) / end}%` }),
        make("span.time", {}, seconds(duration)),
        sent.length ? make("div.sent", {}, sent.map((part) => shown(part, sample, drawings))) : null,
        notes(note, read || written ? `${read} → ${written} tokens` : "")));
    const more = answer.more_calls ? make("p.remark", {}, `and ${answer.more_calls} more calls`) : null;
    return make("div", {}, make("h4", {}, `${many(answer.calls.length + answer.more_calls, "call")} in ${seconds(end)}`), make("ol.timeline", {}, rows), more);
  }

  /* What a request showed the model: a text, or a picture, drawn again from the masks that were in it. */
  function shown(part, sample, drawings) {
    if (part.text !== undefined) return make("p", {}, part.text);
    const numbered = part.picture === "all_masks" || part.picture === "accepted_masks";
    const layers = part.masks.map((counts, i) => ({
      counts,
      style: "seen",
      colour: `hsl(${(i * 222.5) % 360} 100% ${i < 20 ? 50 : 68}%)`,
      label: numbered ? String(i + 1) : "",
    }));
    return make("figure", {}, panel(sample, () => layers, drawings, part.picture === "zoomed"), make("figcaption", {}, named(part.picture)));
  }

  function notes(note, tokens) {
    const entries = Object.entries(note).filter(([, value]) => value !== "" && value !== "null");
    const short = entries.filter(([, value]) => String(value).length <= 60);
    const long = entries.filter(([, value]) => String(value).length > 60);
    const line = [tokens, ...short.map(([key, value]) => `${named(key)}: ${value}`)].filter(Boolean).join(" · ");
    if (!line && !long.length) return null;
    return make("div.note", {}, line,
      long.map(([key, value]) => make("details", {},
        make("summary", {}, `${named(key)}: ${String(value).slice(0, 56)}…`), make("pre", {}, String(value)))));
  }

  /* Every mask that came up, the surest first: its number, its score, and what became of it. A click puts it on the
     picture of the system. */
  function candidates(sample, system, drawings, extra) {
    const answer = sample.answers[system];
    if (!answer.dropped.length) return null;
    const of = answer.masks.map(([counts, score]) => ({ counts, score, fate: "in the answer", phrase: "" }));
    const all = [...of, ...answer.dropped.map(([counts, score, reason, phrase]) => ({ counts, score, fate: named(reason), phrase }))];
    all.sort((a, b) => b.score - a.score);
    const items = all.map((one, i) => {
      const kept = one.fate === "in the answer";
      const layers = [{ counts: one.counts, style: "matched", colour: kept ? resolved(system) : "#ffe14d" }];
      const element = button("", "Show on the picture", () => {
        extra.has(one.counts) ? extra.delete(one.counts) : extra.add(one.counts);
        element.setAttribute("aria-pressed", String(extra.has(one.counts)));
        front(state.strip.children[1 + systems.indexOf(system)]);
        draw();
      });
      element.append(panel(sample, () => layers, drawings, false), make("div", {}, make("b", {}, String(i + 1)),
        ` ${one.score.toFixed(2)} `, make("span", {}, one.fate), one.phrase ? make("i", {}, ` “${one.phrase}”`) : ""));
      element.setAttribute("aria-pressed", "false");
      return make(kept ? "li.kept" : "li", {}, element);
    });
    const more = answer.more_dropped ? make("p.remark", {}, `and ${answer.more_dropped} more that scored lower`) : null;
    const title = `${many(all.length + answer.more_dropped, "candidate")}, ${of.length} in the answer`;
    return make("div", {}, make("h4", {}, title), make("ol.candidates", {}, items), more);
  }

  dialog.addEventListener("close", () => {
    view.masks = true;
    place(null);
  });
  window.addEventListener("beforeprint", () => dialog.querySelectorAll("details").forEach((one) => (one.open = true)));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return { show, draw: () => dialog.open && draw() };
};
