"use strict";
/* What cards and the opened sample are made of: elements, words for numbers, and a cell for the truth and each answer. */
const Parts = ({ systems, names, causes, pictures, sizes }) => {
  const view = { masks: true };
  const named = (key) => names[key] || String(key).replaceAll("_", " ");
  const colour = (system) => `var(--system-${systems.indexOf(system) % 6})`;
  const resolved = (system) => getComputedStyle(document.documentElement).getPropertyValue(colour(system).slice(4, -1));

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

  function counted(values) {
    const counts = new Map();
    for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
    return counts;
  }

  /* A cell of a strip: a picture and what is said of it. */
  function cell(properties, canvas, ...said) {
    const text = make("div.said", {}, said);
    const element = make("div.column", properties, canvas || "", text);
    const choose = (event) => {
      if (!element.parentNode.classList.contains("single")) return;
      event.stopPropagation();
      front(element);
    };
    text.addEventListener("click", choose);
    text.addEventListener("keydown", (event) => event.key === "Enter" && choose(event));
    return element;
  }

  /* Where only one picture has room, it is that of this cell. */
  function front(element) {
    for (const other of element.parentNode.children) other.classList.toggle("front", other === element);
    element.querySelector("canvas")?.redraw();
  }

  /* Share a row of cells out into as many as have `least` pixels, evenly, so that all rows are filled: where a cell would
     be alone in one, it is the first. Where not even two pictures have room, as on a phone, there is one for all cells,
     and what is said stands two a row below it. */
  function spread(strip, least = 240, pictured = true) {
    const gap = parseFloat(getComputedStyle(strip).columnGap);
    const room = Math.floor((strip.clientWidth + gap) / (least + gap));
    const single = pictured && room < 2;
    const cells = [...strip.children].filter((cell) => single || !cell.classList.contains("large"));
    const fit = single ? 2 : Math.max(1, room);
    const columns = Math.ceil(cells.length / Math.ceil(cells.length / fit)) || 1;
    strip.classList.toggle("single", single);
    if (single && !strip.querySelector(".front")) front(strip.children[1]);
    for (const text of strip.querySelectorAll(".said"))
      single ? Object.assign(text, { tabIndex: 0, role: "button" }) : text.removeAttribute("tabindex");
    strip.style.setProperty("--across", columns);
    cells.forEach((cell, i) => cell.classList.toggle("alone", i === 0 && columns > 1 && cells.length % columns === 1));
  }

  function meta(sample) {
    const count = sample.targets.length;
    const parts = [sample.kind, !sample.truth ? "no truth given" : count ? many(count, "target") : "no target", sample.id];
    return make("p.meta", {}, parts.filter(Boolean).join(" · "));
  }

  /* A picture with what `layers` gives when it is drawn. In the opened sample masks can be switched off. */
  function panel(sample, layers, drawings, spotlight) {
    const canvas = make("canvas");
    canvas.redraw = () => {
      const shown = view.masks || !canvas.closest("dialog") ? layers() : [];
      Masks.draw(canvas, pictures[sample.picture], sizes[sample.picture], shown, spotlight);
    };
    drawings.push(canvas.redraw);
    return canvas;
  }

  function truth(sample, drawings) {
    const layers = sample.targets.map((counts) => ({ counts, style: "truth", colour: "#ffffff" }));
    const text = sample.problem || (!sample.truth ? "no truth given" : sample.targets.length ? "" : "nothing fits");
    return cell({}, panel(sample, () => layers, drawings, true),
      make("p.name", {}, sample.truth ? "truth" : "picture"), text ? make("p.remark", {}, text) : null);
  }

  /* `more`: masks to show beside those of the answer; `labelled`: up to how many instances have their score written. */
  function column(sample, system, drawings, more = new Set(), labelled = 4) {
    const answer = sample.answers[system];
    if (!answer) return cell({}, null, make("p.remark", {}, `${system}: no answer`));
    const numbers = sample.truth
      ? [answer.iou === null ? "" : `IoU\u00a0${answer.iou.toFixed(2)}`, seconds(answer.latency)]
      : [answer.outcome === "ok" ? many(answer.masks.length, "instance") : "", seconds(answer.latency),
        many(answer.calls.length + answer.more_calls, "call")];
    const lost = [missed(answer), answer.message].filter(Boolean).join(". ");
    return cell({ "--c": colour(system) },
      panel(sample, () => layersOf(sample, system, more, labelled), drawings, false),
      make("p.name.system", {}, system), chips(answer),
      answer.phrases.length ? make("p.phrases", {}, answer.phrases.map((phrase) => `“${phrase}”`).join(" ")) : null,
      make("p.remark", {}, numbers.filter(Boolean).join(" · ")), lost ? make("p.remark.printed", {}, lost) : null);
  }

  function layersOf(sample, system, more, labelled) {
    const answer = sample.answers[system], tint = resolved(system);
    const layers = answer.masks.map(([counts, score], i) => ({
      counts,
      style: !sample.truth || answer.instances[i] === "matched" ? "matched" : "wrong",
      colour: tint,
      label: answer.masks.length <= labelled ? score.toFixed(2) : "",
    }));
    sample.targets.forEach((counts, i) => {
      if (answer.targets[i] !== "matched") layers.push({ counts, style: "missed", colour: "#ffffff" });
    });
    for (const counts of more) layers.push({ counts, style: "dropped", colour: "#ffe14d" });
    return layers;
  }

  function chips(answer) {
    // the outcome says more than "failed", and the instances more than "inexact set"
    const found = Object.entries(wrongs(answer)).filter(([key]) => key !== "failed" && key !== "inexact_set");
    const texts = found.map(([key, count]) => (causes.instances.includes(key) && count > 1 ? `${count} ` : "") + named(key));
    return make("ul.chips", {}, answer.right ? make("li.right", {}, "right") : texts.map((text) => make("li", {}, text)));
  }

  function missed(answer) {
    const reasons = counted(answer.targets.filter((category) => category !== "matched"));
    const text = [...reasons].map(([reason, count]) => `${count} ${named(reason)}`).join(", ");
    return text && `Missed targets: ${text}`;
  }

  return { colour, column, counted, front, make, many, meta, missed, named, panel, resolved, seconds, spread, truth, view, wrongs };
};
