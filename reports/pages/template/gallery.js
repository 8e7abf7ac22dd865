"use strict";
/* The gallery: which samples are shown, in an order and a page that the address keeps, as cards. */
(async () => {
  const PAGE = 12;
  const byId = (id) => document.getElementById(id);
  const setup = JSON.parse(byId("setup").textContent);
  const { systems, truth: scored, causes } = setup;
  const { sizes, samples } = await unpack(byId("packed").textContent.trim());
  const parts = Parts({ ...setup, pictures: JSON.parse(byId("pictures").textContent), sizes });
  const { column, counted, make, many, meta, named, spread, truth, wrongs } = parts;
  const bins = { 0: "no target", 1: "1 target", ">=2": "2 or more" };
  const state = { page: 0, shown: samples, pair: [0, 1], at: "" };
  const opened = Opened(byId("detail"), setup, parts, around, (sample) =>
    remember(sample ? `sample=${encodeURIComponent(sample.id)}` : "samples"));

  async function unpack(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).json();
  }

  /* Filters */

  const filters = byId("filters");
  const selects = {};

  function select(key, title, options) {
    selects[key] = make("select", { name: key }, options.map(([value, text]) => make("option", { value }, text)));
    filters.append(make("label", {}, make("span", {}, title), selects[key]));
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
    filters.addEventListener("input", () => apply());
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

  function apply(page = 0) {
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
    state.page = Math.max(0, Math.min(page, Math.ceil(state.shown.length / PAGE) - 1));
    remember("samples");
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

  function around(sample) {
    const at = state.shown.indexOf(sample);
    return at < 0 ? [undefined, undefined] : [state.shown[at - 1], state.shown[at + 1]];
  }

  /* The address: a place of the page or `sample=ID`, then what is chosen, so that a selection can be linked to. */

  function chosen() {
    const params = new URLSearchParams();
    for (const [key, element] of Object.entries(selects)) if (element.value) params.set(key, element.value);
    if (state.pair.join() !== "0,1") params.set("pair", state.pair.join());
    if (state.page) params.set("page", state.page + 1);
    return params.toString();
  }

  /* `at`: the place; nothing is written before the reader did something. */
  function remember(at) {
    if (!state.ready) return;
    state.at = at;
    const text = chosen();
    history.replaceState(null, "", `#${at}${text && `&${text}`}`);
  }

  /* Choose what the address says; what it cannot mean here is left out. */
  function follow() {
    const [at, ...rest] = location.hash.slice(1).split("&");
    const params = new URLSearchParams(rest.join("&"));
    state.ready = false;
    for (const [key, element] of Object.entries(selects)) {
      const value = params.get(key) || "";
      element.value = !element.options || [...element.options].some((option) => option.value === value) ? value : "";
    }
    const pair = (params.get("pair") || "0,1").split(",").map(Number);
    if (pair.length === 2 && pair[0] !== pair[1] && pair.every((place) => place in systems)) state.pair = pair;
    if (scored) presets();
    apply((Number(params.get("page")) || 1) - 1);
    state.ready = true;
    const id = new URLSearchParams(at).get("sample");
    const wanted = id !== null && samples.find((sample) => sample.id === id);
    if (wanted) opened.show(wanted);
    else if (rest.length) byId(at)?.scrollIntoView();
    state.at = at;
  }

  /* A link within the page keeps what is chosen; an address that someone typed is followed. */
  function moved() {
    const [at, ...rest] = location.hash.slice(1).split("&");
    if (!rest.length && byId(at)) remember(at);
    else follow();
  }

  /* Cards */

  function render() {
    const pages = Math.max(1, Math.ceil(state.shown.length / PAGE));
    const first = state.page * PAGE;
    const visible = state.shown.slice(first, first + PAGE);
    const span = visible.length > 1 ? `${first + 1} to ${first + visible.length}` : first + 1;
    byId("count").textContent = visible.length
      ? `${span} of ${many(state.shown.length, "sample")}`.replaceAll("\u00a0", " ")
      : "No sample fits this selection";
    byId("selection").textContent = selection();
    const drawings = [];
    byId("cards").replaceChildren(...visible.map((sample) => card(sample, drawings)));
    byId("cards").querySelectorAll(".strip").forEach((strip) => spread(strip));
    for (const start of drawings) start();
    byId("pager").replaceChildren(...(pages > 1 ? pager(pages) : []));
  }

  /* What is chosen, in words: on paper the filters are not shown. */
  function selection() {
    const said = Object.entries(selects).filter(([, element]) => element.value).map(([key, element]) =>
      `${element.previousSibling.textContent}: ${key === "text" ? element.value : element.selectedOptions[0].textContent}`);
    return said.length ? `Selected: ${said.join("; ")}` : "";
  }

  function pager(pages) {
    const go = (page, text, title) => {
      const button = make("button", { type: "button", disabled: page < 0 || page >= pages, title }, text);
      button.addEventListener("click", () => {
        state.page = page;
        remember("samples");
        render();
        byId("presets").scrollIntoView({ block: "start" });
      });
      return button;
    };
    return [go(state.page - 1, "← Previous", "Previous page"), make("span", {}, `${state.page + 1} / ${pages}`), go(state.page + 1, "Next →", "Next page")];
  }

  function card(sample, drawings) {
    const open = make("button.open", { type: "button" }, sample.text);
    open.addEventListener("click", () => opened.show(sample));
    const strip = make("div.strip", {}, truth(sample, drawings), systems.map((system) => column(sample, system, drawings)));
    const element = make("article.card", {}, make("h3", {}, open), meta(sample), strip);
    element.addEventListener("click", (event) => {
      const large = event.target.matches("canvas") ? [...strip.children].indexOf(event.target.parentNode) : -1;
      if (!event.target.closest("button, a")) opened.show(sample, large);
    });
    return element;
  }

  build();
  follow();
  window.addEventListener("hashchange", moved);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", render);
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) render(), opened.draw();
    width = window.innerWidth;
  });
})();
