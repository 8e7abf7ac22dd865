"use strict";
(async () => {
  const PAGE = 12;
  const byId = (id) => document.getElementById(id);
  const { systems, truth: scored, names, causes, calls } = JSON.parse(byId("setup").textContent);
  const pictures = JSON.parse(byId("pictures").textContent);
  const { sizes, samples } = await unpack(byId("packed").textContent.trim());
  const bins = { 0: "no target", 1: "1 target", ">=2": "2 or more" };
  const named = (key) => names[key] || String(key).replaceAll("_", " ");
  const colour = (system) => `var(--system-${systems.indexOf(system) % 6})`;
  const resolved = (system) => getComputedStyle(document.documentElement).getPropertyValue(colour(system).slice(4, -1));
  const state = { page: 0, shown: samples, pair: [0, 1] };

  async function unpack(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).json();
  }

  /* An element from a tag, properties and children; text is always set as text. */
  function make(tag, properties = {}, ...children) {
    const [name, ...classes] = tag.split(".");
    const element = document.createElement(name);
    element.classList.add(...classes);
    for (const [key, value] of Object.entries(properties)) {
      if (key.startsWith("--")) element.style.setProperty(key, value);
      else element[key] = value;
    }
    element.append(...children.flat().filter((child) => child !== null && child !== ""));
    return element;
  }

  function seconds(value) {
    if (value === null) return "";
    if (value < 0.9995) return `${(value * 1000).toFixed(value < 0.00995 ? 1 : 0)}\u00a0ms`;
    return value < 60 ? `${value.toFixed(value < 9.95 ? 1 : 0)}\u00a0s` : `${(value / 60).toFixed(1)}\u00a0min`;
  }

  const many = (count, noun) => `${count}\u00a0${noun}${count === 1 ? "" : "s"}`;

  /* Everything that went wrong in an answer: {category: count}. */
  function wrongs(answer) {
    const found = {};
    const add = (key) => (found[key] = (found[key] || 0) + 1);
    answer.instances.filter((category) => category !== "matched").forEach(add);
    answer.targets.filter((category) => category !== "matched").forEach(() => add("missed"));
    if (answer.verdict && answer.verdict !== "exact_set") add(answer.verdict);
    if (answer.outcome !== "ok") add(answer.outcome);
    return found;
  }

  /* Filters */

  const filters = byId("filters");
  const selects = {};

  function select(key, title, options) {
    selects[key] = make("select", { name: key }, options.map(([value, text]) => make("option", { value }, text)));
    filters.append(make("label", {}, make("span", {}, title), selects[key]));
  }

  function counted(values) {
    const counts = new Map();
    for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
    return counts;
  }

  function build() {
    for (const system of scored ? systems : [])
      select(`system:${system}`, system, [["", "right or wrong"], ["right", "right"], ["wrong", "wrong"]]);
    const kinds = counted(samples.map((sample) => sample.kind).filter((kind) => kind !== null));
    if (kinds.size)
      select("kind", "Instruction", [["", "any kind"], ...[...kinds].map(([kind, n]) => [kind, `${kind} (${n})`])]);
    const targets = counted(samples.map((sample) => sample.bin));
    if (scored) select("bin", "Targets", [["", "any number"],
      ...Object.keys(bins).filter((bin) => targets.has(bin)).map((bin) => [bin, `${bins[bin]} (${targets.get(bin)})`])]);
    const occurring = counted(samples.flatMap((sample) =>
      [...new Set(Object.values(sample.answers).flatMap((answer) => Object.keys(wrongs(answer))))]));
    const order = [...causes.instances, ...causes.samples];
    const listed = [...order.filter((key) => occurring.has(key)), ...[...occurring.keys()].filter((key) => !order.includes(key))];
    if (scored || listed.length) select("cause", "What went wrong", [["", "anything"], ...listed.map((key) => [key, `${named(key)} (${occurring.get(key)})`])]);
    if (systems.length > 1 && selects.cause)
      select("where", "in", [["", "any system"], ...systems.map((system) => [system, system])]);
    select("sort", "Order", [["", scored ? "benchmark" : "as asked"], ...(scored ? [["gap", "largest gap in IoU"]] : []), ["slow", "slowest first"]]);
    filters.append(make("label.search", {}, make("span", {}, "Search"),
      (selects.text = make("input", { type: "search", name: "text", placeholder: "instruction, phrase or id" }))));
    filters.addEventListener("input", apply);
    filters.addEventListener("submit", (event) => event.preventDefault());
    if (scored) presets();
  }

  /* Buttons for common selections: who is right where the other of a pair is wrong; any pair can be chosen. */
  function presets() {
    const [a, b] = state.pair;
    const just = (wanted) => systems.map((_, i) => wanted[i] || "");
    const choices = [["all samples", just({})]];
    if (systems.length > 1) {
      choices.push([`${systems[a]} right, ${systems[b]} wrong`, just({ [a]: "right", [b]: "wrong" })]);
      choices.push([`${systems[b]} right, ${systems[a]} wrong`, just({ [b]: "right", [a]: "wrong" })]);
      choices.push(["both right", just({ [a]: "right", [b]: "right" })], ["both wrong", just({ [a]: "wrong", [b]: "wrong" })]);
    }
    if (systems.length !== 2)
      choices.push(["all right", systems.map(() => "right")], ["none right", systems.map(() => "wrong")]);
    byId("presets").replaceChildren(...(systems.length > 2 ? [chooser(0, "Compare"), chooser(1, "with")] : []), ...choices.map(preset));
  }

  function chooser(place, title) {
    const element = make("select", { name: `pair-${place}` }, systems.map((system, i) =>
      make("option", { value: i, selected: i === state.pair[place], disabled: i === state.pair[1 - place] }, system)));
    element.addEventListener("input", () => {
      state.pair[place] = Number(element.value);
      presets();
      apply();
    });
    return make("label.pair", {}, make("span", {}, title), element);
  }

  function preset([text, wanted]) {
    const count = samples.filter((sample) => matches(sample, wanted)).length;
    const button = make("button", { type: "button" }, text, " ", make("b", {}, String(count)));
    button.addEventListener("click", () => {
      for (const [key, element] of Object.entries(selects)) if (key !== "sort") element.value = "";
      systems.forEach((system, i) => (selects[`system:${system}`].value = wanted[i]));
      apply();
    });
    button.wanted = wanted;
    return button;
  }

  const matches = (sample, wanted) => systems.every((system, i) =>
    !wanted[i] || (sample.answers[system] !== undefined && sample.answers[system].right === (wanted[i] === "right")));

  function apply() {
    const value = Object.fromEntries(Object.entries(selects).map(([key, element]) => [key, element.value]));
    const wanted = systems.map((system) => value[`system:${system}`]);
    const text = value.text.trim().toLowerCase();
    state.shown = samples.filter((sample) =>
      matches(sample, wanted) &&
      (!value.kind || sample.kind === value.kind) &&
      (!value.bin || sample.bin === value.bin) &&
      (!value.cause || systems.some((system) => (!value.where || system === value.where) &&
        sample.answers[system] !== undefined && value.cause in wrongs(sample.answers[system]))) &&
      (!text || searchable(sample).includes(text)));
    const keys = { gap: gap, slow: (sample) => Math.max(...Object.values(sample.answers).map((a) => a.latency || 0)) };
    if (value.sort) state.shown = state.shown.sort((a, b) => keys[value.sort](b) - keys[value.sort](a));
    for (const button of byId("presets").querySelectorAll("button"))
      button.setAttribute("aria-pressed", String(button.wanted.every((w, i) => w === wanted[i])));
    state.page = 0;
    render();
  }

  function gap(sample) {
    const ious = Object.values(sample.answers).map((answer) => answer.iou || 0);
    return Math.max(...ious) - Math.min(...ious);
  }

  function searchable(sample) {
    const phrases = Object.values(sample.answers).flatMap((answer) => answer.phrases);
    return [sample.id, sample.text, ...phrases].join("\n").toLowerCase();
  }

  /* Cards */

  function render() {
    const pages = Math.max(1, Math.ceil(state.shown.length / PAGE));
    const first = state.page * PAGE;
    const visible = state.shown.slice(first, first + PAGE);
    byId("count").textContent = visible.length
      ? `${first + 1} to ${first + visible.length} of ${state.shown.length} samples`
      : "No sample fits this selection";
    const drawings = [];
    byId("cards").replaceChildren(...visible.map((sample) => card(sample, drawings)));
    for (const start of drawings) start();
    byId("pager").replaceChildren(...(pages > 1 ? pager(pages) : []));
  }

  function pager(pages) {
    const go = (page, text, title) => {
      const button = make("button", { type: "button", disabled: page < 0 || page >= pages, title }, text);
      button.addEventListener("click", () => {
        state.page = page;
        render();
        byId("presets").scrollIntoView({ block: "start" });
      });
      return button;
    };
    return [go(state.page - 1, "← Previous", "Previous page"), make("span", {}, `${state.page + 1} / ${pages}`), go(state.page + 1, "Next →", "Next page")];
  }

  function card(sample, drawings) {
    const open = make("button.open", { type: "button" }, sample.text);
    open.addEventListener("click", () => show(sample));
    const columns = [truth(sample, drawings), ...systems.map((system) => column(sample, system, drawings, []))];
    const element = make("article.card", {}, make("h3", {}, open), meta(sample), make("div.strip", {}, columns));
    element.addEventListener("click", (event) => event.target.closest("button, a") || show(sample));
    return element;
  }

  function meta(sample) {
    const count = sample.targets.length;
    const parts = [sample.kind, !sample.truth ? "no truth given" : count === 1 ? "1 target" : count ? `${count} targets` : "no target", sample.id];
    return make("p.meta", {}, parts.filter(Boolean).join(" · "));
  }

  function panel(sample, layers, drawings, spotlight) {
    const canvas = make("canvas");
    drawings.push(() => Masks.draw(canvas, pictures[sample.picture], sizes[sample.picture], layers, spotlight));
    return canvas;
  }

  function truth(sample, drawings) {
    const layers = sample.targets.map((counts) => ({ counts, style: "truth", colour: "#ffffff" }));
    const text = sample.problem || (!sample.truth ? "no truth given" : sample.targets.length ? "" : "nothing fits");
    return make("div.column", {}, panel(sample, layers, drawings, true),
      make("p.name", {}, sample.truth ? "truth" : "picture"), text ? make("p.remark", {}, text) : null);
  }

  function column(sample, system, drawings, candidates, labelled = 4) {
    const answer = sample.answers[system];
    if (!answer) return make("div.column", {}, make("p.remark", {}, `${system}: no answer`));
    const tint = resolved(system);
    const layers = answer.masks.map(([counts, score], i) => ({
      counts,
      style: !sample.truth || answer.instances[i] === "matched" ? "matched" : "wrong",
      colour: tint,
      label: answer.masks.length <= labelled ? score.toFixed(2) : "",
    }));
    sample.targets.forEach((counts, i) => {
      if (answer.targets[i] !== "matched") layers.push({ counts, style: "missed", colour: "#ffffff" });
    });
    for (const counts of candidates) layers.push({ counts, style: "dropped", colour: "#ffe14d" });
    const numbers = sample.truth
      ? [answer.iou === null ? "" : `IoU\u00a0${answer.iou.toFixed(2)}`, seconds(answer.latency)]
      : [answer.outcome === "ok" ? many(answer.masks.length, "instance") : "", seconds(answer.latency),
        many(answer.calls.length + answer.more_calls, "call")];
    return make("div.column", { "--c": colour(system) }, panel(sample, layers, drawings, false),
      make("p.name.system", {}, system), chips(answer),
      answer.phrases.length ? make("p.phrases", {}, answer.phrases.map((phrase) => `“${phrase}”`).join(" ")) : null,
      make("p.remark", {}, numbers.filter(Boolean).join(" · ")));
  }

  function chips(answer) {
    // the outcome says more than "failed", and the instances more than "inexact set"
    const found = Object.entries(wrongs(answer)).filter(([key]) => key !== "failed" && key !== "inexact_set");
    const texts = found.map(([key, count]) => (causes.instances.includes(key) && count > 1 ? `${count} ` : "") + named(key));
    return make("ul.chips", {}, answer.right ? make("li.right", {}, "right") : texts.map((text) => make("li", {}, text)));
  }

  /* One sample */

  const dialog = byId("detail");

  function show(sample) {
    const at = state.shown.indexOf(sample);
    const step = (by, text, title) => {
      const button = make("button", { type: "button", title, disabled: at < 0 || !state.shown[at + by] }, text);
      button.addEventListener("click", () => show(state.shown[at + by]));
      return button;
    };
    const close = make("button", { type: "button", title: "Close (Esc)" }, "✕");
    close.addEventListener("click", () => dialog.close());
    const drawings = [];
    dialog.replaceChildren(
      make("div.bar", {}, meta(sample), step(-1, "←", "Previous sample"), step(1, "→", "Next sample"), close),
      make("h3", {}, sample.text),
      make("div.sides", {}, truth(sample, drawings), systems.map((system) => answered(sample, system, drawings))));
    dialog.onkeydown = (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (by && at >= 0 && state.shown[at + by]) show(state.shown[at + by]);
    };
    if (!dialog.open) dialog.showModal();
    dialog.focus();
    dialog.scrollTop = 0;
    history.replaceState(null, "", `#sample=${encodeURIComponent(sample.id)}`);
    for (const start of drawings) start();
  }

  dialog.addEventListener("close", () => history.replaceState(null, "", "#samples"));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

  function answered(sample, system, drawings) {
    const answer = sample.answers[system];
    if (!answer) return make("section", {}, make("p.remark", {}, `${system}: no answer`));
    const holder = make("div", {}, column(sample, system, drawings, [], 99));
    const highlight = (counts) => {
      const again = [];
      holder.replaceChildren(column(sample, system, again, counts, 99));
      for (const start of again) start();
    };
    return make("section", { "--c": colour(system) }, holder,
      answer.message ? make("p.message", {}, answer.message) : null,
      missed(answer), timeline(answer, sample, drawings), dropped(answer, highlight));
  }

  function missed(answer) {
    const reasons = counted(answer.targets.filter((category) => category !== "matched"));
    if (!reasons.size) return null;
    const text = [...reasons].map(([reason, count]) => `${count} ${named(reason)}`).join(", ");
    return make("p.remark", {}, `Missed targets: ${text}`);
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
    return make("figure", {}, panel(sample, layers, drawings, part.picture === "zoomed"), make("figcaption", {}, named(part.picture)));
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

  function dropped(answer, highlight) {
    if (!answer.dropped.length) return null;
    const on = new Set();
    const items = answer.dropped.map(([counts, score, reason, phrase]) => {
      const button = make("button", { type: "button", title: "Show on the picture" }, `${named(reason)} ${score.toFixed(2)}`, phrase ? ` “${phrase}”` : "");
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => {
        on.has(counts) ? on.delete(counts) : on.add(counts);
        button.setAttribute("aria-pressed", String(on.has(counts)));
        highlight([...on]);
      });
      return make("li", {}, button);
    });
    const more = answer.more_dropped ? make("p.remark", {}, `and ${answer.more_dropped} more`) : null;
    return make("div", {}, make("h4", {}, "Dropped candidates"), make("ul.dropped", {}, items), more);
  }

  build();
  apply();
  const linked = decodeURIComponent(location.hash.replace(/^#sample=/, ""));
  const wanted = location.hash.startsWith("#sample=") && samples.find((sample) => sample.id === linked);
  if (wanted) show(wanted);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", render);
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) render();
    width = window.innerWidth;
  });
})();
