"use strict";
/* Masks from COCO run lengths, and pictures with masks drawn over them. */
const Masks = (() => {
  const paths = new Map();
  const images = new Map();

  /* Runs of a compressed counts string: 5 bits a character from "0", bit 6 continues, later runs are differences. */
  function runs(counts) {
    const found = [];
    for (let i = 0; i < counts.length; ) {
      let value = 0, shift = 0, bits;
      do {
        bits = counts.charCodeAt(i++) - 48;
        value |= (bits & 31) << shift;
        shift += 5;
      } while (bits & 32);
      if (bits & 16) value |= -1 << shift;
      if (found.length > 2) value += found[found.length - 2];
      found.push(value);
    }
    return found;
  }

  /* Row by row, 1 inside; the runs go down the columns. */
  function decode(counts, width, height) {
    const mask = new Uint8Array(width * height);
    let at = 0, inside = 0;
    for (const run of runs(counts)) {
      if (inside) for (let p = at; p < at + run; p++) mask[(p % height) * width + Math.floor(p / height)] = 1;
      at += run;
      inside ^= 1;
    }
    return mask;
  }

  /* The border as closed lines through the middles of pixel edges, which smooths the steps. */
  function outline(counts, [width, height]) {
    const key = `${width}x${height}:${counts}`;
    if (paths.has(key)) return paths.get(key);
    const mask = decode(counts, width, height);
    const next = new Map();
    const edge = (x0, y0, x1, y1) => {
      const from = y0 * (width + 1) + x0;
      if (!next.has(from)) next.set(from, []);
      next.get(from).push(y1 * (width + 1) + x1);
    };
    let top = height, left = width, right = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const p = y * width + x;
        if (!mask[p]) continue;
        top = Math.min(top, y), left = Math.min(left, x), right = Math.max(right, x + 1);
        if (y === 0 || !mask[p - width]) edge(x, y, x + 1, y);
        if (x === width - 1 || !mask[p + 1]) edge(x + 1, y, x + 1, y + 1);
        if (y === height - 1 || !mask[p + width]) edge(x + 1, y + 1, x, y + 1);
        if (x === 0 || !mask[p - 1]) edge(x, y + 1, x, y);
      }
    }
    const path = new Path2D();
    for (const start of next.keys()) {
      while (next.get(start).length) {
        let from = start, first = true;
        do {
          const to = next.get(from).pop();
          const x = (from % (width + 1) + to % (width + 1)) / 2;
          const y = (Math.floor(from / (width + 1)) + Math.floor(to / (width + 1))) / 2;
          first ? path.moveTo(x, y) : path.lineTo(x, y);
          first = false;
          from = to;
        } while (from !== start);
        path.closePath();
      }
    }
    const found = { path, top, middle: (left + right) / 2, empty: next.size === 0 };
    paths.set(key, found);
    return found;
  }

  function image(uri) {
    if (!images.has(uri)) {
      const picture = new Image();
      picture.src = uri;
      images.set(uri, picture.decode().then(() => picture, () => null));
    }
    return images.get(uri);
  }

  /* Draw a picture with layers {counts, style, colour, label}; `spotlight` darkens all but the layers. */
  async function draw(canvas, uri, size, layers, spotlight) {
    const [width, height] = size;
    const drawing = (canvas.drawing = (canvas.drawing || 0) + 1);
    canvas.style.aspectRatio = `${width} / ${height}`;
    const picture = uri ? await image(uri) : null;
    const box = canvas.getBoundingClientRect();
    if (drawing !== canvas.drawing || !box.width) return;
    const scale = (box.width * Math.max(window.devicePixelRatio || 1, 2)) / width;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const context = canvas.getContext("2d");
    const line = canvas.width / box.width;
    context.scale(scale, scale);
    if (picture) context.drawImage(picture, 0, 0, width, height);
    else missing(context, width, height, line / scale);
    const shapes = layers.map((layer) => ({ ...layer, ...outline(layer.counts, size) }));
    if (spotlight && shapes.length) shade(context, width, height, shapes);
    for (const shape of shapes) stroke(context, shape, line / scale);
    const ink = getComputedStyle(canvas).getPropertyValue("--page");
    for (const shape of shapes) if (shape.label && !shape.empty) label(context, shape, ink, size, line / scale);
  }

  function missing(context, width, height, pixel) {
    context.fillStyle = "#8a8a86";
    context.fillRect(0, 0, width, height);
    context.fillStyle = "#fff";
    context.font = `${11 * pixel}px sans-serif`;
    context.textAlign = "center";
    context.fillText("picture left out", width / 2, height - 8 * pixel);
  }

  function shade(context, width, height, shapes) {
    const around = new Path2D();
    around.rect(0, 0, width, height);
    for (const shape of shapes) around.addPath(shape.path);
    context.fillStyle = "rgb(12 12 14 / 0.58)";
    context.fill(around, "evenodd");
  }

  function stroke(context, { path, style, colour }, pixel) {
    const fill = { matched: 0.42, wrong: 0.2, seen: 0.15 }[style];
    if (fill) {
      context.globalAlpha = fill;
      context.fillStyle = colour;
      context.fill(path, "evenodd");
      context.globalAlpha = 1;
    }
    context.lineJoin = "round";
    context.lineCap = style === "missed" ? "round" : "butt";
    const dash = { wrong: [5, 3.5], missed: [0.1, 3.6], dropped: [2, 2] }[style] || [];
    context.setLineDash(dash.map((d) => d * pixel));
    context.strokeStyle = style === "missed" || style === "dropped" ? "rgb(0 0 0 / 0.75)" : "rgb(255 255 255 / 0.85)";
    context.lineWidth = 3.8 * pixel;
    context.stroke(path);
    context.strokeStyle = colour;
    context.lineWidth = 2 * pixel;
    context.stroke(path);
    context.setLineDash([]);
  }

  function label(context, { top, middle, label: text, colour }, ink, [width, height], pixel) {
    context.font = `600 ${10 * pixel}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    const wide = context.measureText(text).width + 8 * pixel, high = 14 * pixel;
    const x = Math.min(Math.max(middle, wide / 2 + pixel), width - wide / 2 - pixel);
    const y = Math.min(Math.max(top - high * 0.35, high / 2 + pixel), height - high / 2 - pixel);
    context.fillStyle = colour;
    context.beginPath();
    context.roundRect(x - wide / 2, y - high / 2, wide, high, 3 * pixel);
    context.fill();
    context.fillStyle = ink;
    context.fillText(text, x, y + 0.5 * pixel);
  }

  return { draw };
})();
