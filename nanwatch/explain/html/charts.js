"use strict";
// Draws the curves that lie in the page as JSON. All charts share the axis of steps and its zoom.
(() => {
  const { charts, frame } = JSON.parse(document.getElementById("curves").textContent);
  const LOG_FROM = 50; // largest over smallest: beyond it a linear axis hides the small values
  const FEW = 60; // points that are drawn as dots as well
  const LARGEST = 8e307; // twice as much is still a number: an axis may go from one to the other
  const whole = frame.first < frame.last ? [frame.first, frame.last] : [frame.first - 1, frame.last + 1];
  // The distances between an axis's marks: uPlot's own end where its rounding does, at 1e-32 and 1e32.
  const INCREMENTS = Array.from({ length: 632 }, (_, at) => at - 324)
    .flatMap((power) => [1, 2, 2.5, 5].map((first) => Number(`${first}e${power}`)))
    .filter((step) => step > 0);
  const MARKS = 30; // of one axis, at most
  const DECADES = 8; // marks of a logarithmic one
  const plots = [];
  let zoom = whole;
  let smoothing = 0; // how much of a point comes from those before it

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const finite = (value) => value !== null && value !== undefined && Number.isFinite(value);

  function short(value) {
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1e5 || size < 1e-4) return Number(value.toPrecision(2)).toExponential().replace("e+", "e");
    return String(Number(value.toPrecision(4)));
  }

  function colour(curve, at) {
    if (curve.rank === undefined) return css(`--curve-${at % 4}`);
    // From blue by violet to orange: the depth in the model.
    return `hsl(${Math.round(215 + 170 * curve.rank)} ${css("--depth-saturation")} ${css("--depth-lightness")})`;
  }

  // Every number a curve shows between two steps.
  function* numbers(curve, from, to) {
    for (let at = 0; at < curve.x.length; at += 1) {
      if (curve.x[at] < from || curve.x[at] > to) continue;
      yield curve.y[at];
      if (curve.low) yield curve.low[at];
      if (curve.high) yield curve.high[at];
    }
  }

  const isSmoothed = (curve) => smoothing > 0 && curve.points !== true;

  // The running mean that forgets, made right at its beginning; a gap stays one, and is skipped.
  function smooth(curve) {
    if (!isSmoothed(curve)) return curve.y;
    let mean = 0;
    let weight = 0;
    return curve.y.map((value) => {
      if (!finite(value)) return value;
      mean = smoothing * mean + (1 - smoothing) * value;
      weight = smoothing * weight + (1 - smoothing);
      return mean / weight;
    });
  }

  function extent(curves, from, to, log) {
    let low = Infinity;
    let high = -Infinity;
    for (const curve of curves) {
      for (const value of numbers(curve, from, to)) {
        if (!finite(value) || (log && value <= 0)) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
    return low <= high ? [low, high] : null;
  }

  function canBeLogarithmic(chart) {
    return chart.curves.every((curve) => [...numbers(curve, -Infinity, Infinity)].every((v) => !finite(v) || v > 0));
  }

  function spansDecades(chart) {
    const found = extent(chart.curves, -Infinity, Infinity, true);
    return found !== null && found[1] / found[0] >= LOG_FROM;
  }

  function padded(found, log) {
    if (found === null) return log ? [0.1, 1] : [0, 1];
    let [low, high] = found;
    if (log) {
      const factor = low === high ? 2 : Math.max((high / low) ** 0.06, 1.05);
      low = Math.max(low / factor, 1e-300);
      high = Math.min(high * factor, LARGEST);
    } else {
      const pad = low === high ? Math.abs(low) * 0.1 || 1 : high * 0.06 - low * 0.06;
      low = Math.max(low - pad, -LARGEST);
      high = Math.min(high + pad, LARGEST);
    }
    return [low, high];
  }

  function rangeOf(chart, log) {
    return (plot) => {
      const shown = chart.curves.filter((_, at) => plot.series[at + 1].show);
      const { min, max } = plot.scales.x;
      return padded(extent(shown, finite(min) ? min : zoom[0], finite(max) ? max : zoom[1], log), log);
    };
  }

  // Below the curves: the ends of the epochs, and the range that a summed-up piece covers.
  function drawBelow(plot, chart) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.fillStyle = css("--epoch");
    for (const step of frame.epochs) {
      ctx.fillRect(Math.round(plot.valToPos(step, "x", true)), bbox.top, devicePixelRatio, bbox.height);
    }
    chart.curves.forEach((curve, at) => {
      if (curve.low && plot.series[at + 1].show) drawBand(plot, curve, colour(curve, at));
      if (isSmoothed(curve) && plot.series[at + 1].show) drawRaw(plot, curve, colour(curve, at));
    });
    ctx.restore();
  }

  function drawBand(plot, curve, fill) {
    const { ctx } = plot;
    const place = (x, y) => {
      const least = plot.scales.y.min;
      return [plot.valToPos(x, "x", true), plot.valToPos(plot.scales.y.distr === 3 ? Math.max(y, least) : y, "y", true)];
    };
    ctx.globalAlpha = 0.16;
    ctx.fillStyle = fill;
    let start = 0;
    while (start < curve.x.length) {
      let end = start;
      while (end < curve.x.length && finite(curve.low[end]) && finite(curve.high[end])) end += 1;
      if (end > start) {
        ctx.beginPath();
        for (let at = start; at < end; at += 1) ctx.lineTo(...place(curve.x[at], curve.high[at]));
        for (let at = end - 1; at >= start; at -= 1) ctx.lineTo(...place(curve.x[at], curve.low[at]));
        ctx.fill();
      }
      start = end + 1;
    }
    ctx.globalAlpha = 1;
  }

  // What a smoothed curve was made of.
  function drawRaw(plot, curve, stroke) {
    const { ctx } = plot;
    const least = plot.scales.y.distr === 3 ? plot.scales.y.min : -Infinity;
    ctx.globalAlpha = 0.3;
    ctx.strokeStyle = stroke;
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    curve.x.forEach((x, at) => {
      if (!finite(curve.y[at])) return;
      const place = [plot.valToPos(x, "x", true), plot.valToPos(Math.max(curve.y[at], least), "y", true)];
      if (at > 0 && finite(curve.y[at - 1])) ctx.lineTo(...place);
      else ctx.moveTo(...place);
    });
    ctx.stroke();
    ctx.globalAlpha = 1;
  }

  // Above them: a mark where a value was not finite, and the step that went bad.
  function drawAbove(plot, chart) {
    const { ctx, bbox } = plot;
    const unit = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left - 4 * unit, bbox.top, bbox.width + 8 * unit, bbox.height);
    ctx.clip();
    ctx.strokeStyle = css("--bad");
    ctx.fillStyle = css("--bad");
    ctx.lineWidth = 1.5 * unit;
    if (frame.incident !== null) {
      const x = plot.valToPos(frame.incident, "x", true);
      ctx.setLineDash([4 * unit, 3 * unit]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.setLineDash([]);
    }
    const words = new Map();
    chart.curves.forEach((curve, at) => {
      if (plot.series[at + 1].show) curve.bad.forEach(([step, word]) => words.set(step, word));
    });
    for (const step of words.keys()) cross(ctx, plot.valToPos(step, "x", true), bbox.top + 7 * unit, 4 * unit);
    if (words.size) label(plot, words, unit);
    ctx.restore();
  }

  function cross(ctx, x, y, half) {
    ctx.beginPath();
    ctx.moveTo(x - half, y - half);
    ctx.lineTo(x + half, y + half);
    ctx.moveTo(x + half, y - half);
    ctx.lineTo(x - half, y + half);
    ctx.stroke();
  }

  function label(plot, words, unit) {
    const { ctx, bbox } = plot;
    const [step, word] = [...words].reduce((first, each) => (each[0] < first[0] ? each : first));
    const x = plot.valToPos(step, "x", true);
    const left = x > bbox.left + bbox.width / 2;
    ctx.font = `600 ${12 * unit}px system-ui, sans-serif`;
    ctx.textAlign = left ? "right" : "left";
    ctx.textBaseline = "middle";
    ctx.fillText(`${word} at step ${Math.round(step)}`, x + (left ? -9 : 9) * unit, bbox.top + 8 * unit);
  }

  function valueOf(curve) {
    const bad = new Map(curve.bad);
    return (plot, value, _, at) => {
      if (finite(value)) return short(value);
      const x = at === null || at === undefined ? undefined : plot.data[0][at];
      return bad.get(x) ?? "–";
    };
  }

  function series(chart) {
    return chart.curves.map((curve, at) => ({
      label: curve.label,
      stroke: colour(curve, at),
      width: curve.rank === undefined ? 2 : 1.5,
      value: valueOf(curve),
      points: { show: curve.points === true || curve.x.length <= FEW, size: curve.points === true ? 7 : 4 },
    }));
  }

  function multiples(_, axis, low, high, step) {
    const first = Math.ceil(low / step);
    const count = Math.min(Math.floor(high / step) - first + 1, MARKS);
    return Array.from({ length: Math.max(0, count) }, (__, at) => (first + at) * step);
  }

  // A mark's value, with as many digits as tell it from the next one.
  function marked(value, step) {
    if (value === null) return "";
    if (!step || value === 0) return short(value);
    const digits = Math.floor(Math.log10(Math.abs(value))) - Math.floor(Math.log10(step)) + 1;
    const precise = Number(value.toPrecision(Math.max(1, Math.min(digits + 1, 15))));
    const size = Math.abs(value);
    return size >= 1e5 || size < 1e-4 ? precise.toExponential().replace("e+", "e") : String(precise);
  }

  // As wide as the longest of the marks.
  const wide = (_, texts) => 14 + 7 * Math.max(4, ...(texts ?? []).map((text) => text.length));

  // Of a logarithmic axis: powers of ten, few enough to be read; between them 2 and 5, where there is room.
  function decades(_, axis, low, high) {
    const first = Math.floor(Math.log10(low));
    const last = Math.ceil(Math.log10(high));
    const every = Math.ceil((last - first) / DECADES);
    const between = last - first <= 3 ? [1, 2, 5] : [1];
    const found = Array.from({ length: Math.floor((last - first) / every) + 1 }, (__, at) => first + at * every)
      .flatMap((power) => between.map((multiple) => Number(`${multiple}e${power}`)))
      .filter((value) => value >= low && value <= high);
    return found.length > 1 ? found : multiples(_, axis, low, high, INCREMENTS.find((step) => (high - low) / step <= 5));
  }

  function axes(log) {
    const look = {
      stroke: css("--quiet"),
      grid: { stroke: css("--line"), width: 1 },
      ticks: { stroke: css("--line"), width: 1, size: 4 },
      font: "12px system-ui, sans-serif",
    };
    const steps = [1, 2, 5].flatMap((first) => Array.from({ length: 12 }, (_, power) => first * 10 ** power));
    const across = frame.epochs.length ? { show: false } : look.grid; // the epochs' ends are lines enough
    const upwards = log ? { splits: decades, filter: (_, all) => all } : { incrs: INCREMENTS, splits: multiples };
    return [
      { ...look, grid: across, size: 32, incrs: steps.sort((a, b) => a - b), values: (_, all) => all.map((v) => v.toLocaleString("en")) },
      { ...look, ...upwards, size: wide, values: (_, all, axis, space, step) => all.map((v) => marked(v, log ? 0 : step)) },
    ];
  }

  function options(entry, width) {
    const { chart, log } = entry;
    return {
      width,
      height: chart.wide ? 280 : 210,
      cursor: {
        sync: { key: "steps", setSeries: false, filters: { pub: (name) => name === "mousemove" || name === "mouseleave" } },
        drag: { x: true, y: false, setScale: false, dist: 8 },
        points: { size: 7 },
        bind: { dblclick: () => () => zoomTo(whole) },
      },
      scales: { x: { time: false, range: () => zoom }, y: { distr: log ? 3 : 1, range: rangeOf(chart, log) } },
      axes: axes(log),
      legend: { markers: { width: 0, fill: (_, at) => (at === 0 ? "transparent" : colour(chart.curves[at - 1], at - 1)) } },
      series: [{ label: "step", value: (_, value) => (finite(value) ? Math.round(value).toLocaleString("en") : "–") }, ...series(chart)],
      hooks: {
        drawAxes: [(plot) => drawBelow(plot, chart)],
        draw: [(plot) => drawAbove(plot, chart)],
        setSelect: [zoomToSelection],
      },
    };
  }

  // A zoom in one chart is a zoom in all.
  function zoomTo(ends) {
    zoom = ends;
    for (const { plot } of plots) plot.setScale("x", { min: ends[0], max: ends[1] });
    document.getElementById("unzoom").hidden = ends === whole;
  }

  function zoomToSelection(plot) {
    const { left, width } = plot.select;
    if (width <= 0) return;
    const ends = [left, left + width].map((place) => plot.posToVal(place, "x"));
    plot.setSelect({ left: 0, width: 0 }, false);
    if (ends[0] < ends[1]) zoomTo(ends);
  }

  function draw(entry) {
    const hidden = entry.plot ? entry.plot.series.map((each) => !each.show) : [];
    if (entry.plot) entry.plot.destroy();
    const place = entry.figure.querySelector(".canvas");
    const drawable = (value) => (finite(value) ? Math.max(-LARGEST, Math.min(value, LARGEST)) : null);
    const tables = entry.chart.curves.map((curve) => [curve.x, smooth(curve).map(drawable)]);
    entry.plot = new uPlot(options(entry, place.clientWidth), uPlot.join(tables), place);
    withFingers(entry.plot.over);
    hidden.forEach((is, at) => is && entry.plot.setSeries(at, { show: false }));
    entry.button.textContent = entry.log ? "log scale" : "linear scale";
  }

  // uPlot knows the mouse alone: a finger's moves are told to it as a mouse's.
  function withFingers(over) {
    const names = { pointerdown: "mousedown", pointermove: "mousemove", pointerup: "mouseup" };
    for (const [name, told] of Object.entries(names)) {
      over.addEventListener(name, (event) => {
        if (event.pointerType !== "touch") return;
        const { clientX, clientY } = event;
        const facts = { clientX, clientY, bubbles: true, button: 0, view: window };
        if (name === "pointerdown") over.dispatchEvent(new MouseEvent("mouseenter", facts));
        over.dispatchEvent(new MouseEvent(told, { ...facts, movementX: 1 })); // without a movement it is left out
      });
    }
  }

  function redraw() {
    plots.forEach(draw);
  }

  document.querySelectorAll("figure[data-chart]").forEach((figure) => {
    const chart = charts[Number(figure.dataset.chart)];
    const button = figure.querySelector("button.scale");
    const possible = canBeLogarithmic(chart);
    const entry = { chart, figure, button, log: possible && spansDecades(chart), plot: null };
    button.hidden = !possible;
    button.addEventListener("click", () => {
      entry.log = !entry.log;
      draw(entry);
    });
    draw(entry);
    plots.push(entry);
    new ResizeObserver(([{ contentRect }]) => {
      const width = Math.floor(contentRect.width);
      if (width > 0 && width !== entry.plot.width) entry.plot.setSize({ width, height: entry.plot.height });
    }).observe(figure.querySelector(".canvas"));
  });
  document.getElementById("smoothing")?.addEventListener("input", ({ target }) => {
    smoothing = Number(target.value);
    target.nextElementSibling.textContent = smoothing ? String(smoothing) : "off";
    redraw();
  });
  document.getElementById("unzoom")?.addEventListener("click", () => zoomTo(whole));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  const onPaper = (is) => () => {
    document.documentElement.classList.toggle("paper", is);
    redraw();
  };
  addEventListener("beforeprint", onPaper(true));
  addEventListener("afterprint", onPaper(false));
})();
