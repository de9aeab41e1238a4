"use strict";
/* Draws the report's charts from its data block: one axis of time, one crosshair, one zoom. */
(() => {
  const report = JSON.parse(document.getElementById("report").textContent);
  const curves = report.curves;
  const places = [...document.querySelectorAll("[data-chart]")];
  if (!curves || !places.length) return;

  const midnight = Math.round(curves.midnight_at / 1e9);
  const times = curves.clock_s.map((second) => midnight + second);
  const first = times[0];
  const last = Math.max(times[times.length - 1], first + 1);
  const charts = [];
  let shown = [first, last];

  /* -- figures ---------------------------------------------------------------------------------- */

  const rupees = new Intl.NumberFormat("en-IN", {
    minimumFractionDigits: 2, maximumFractionDigits: 2,
  });
  const plain = new Intl.NumberFormat("en-IN", { maximumSignificantDigits: 6 });
  const coarse = new Intl.NumberFormat("en-IN", { maximumFractionDigits: 6 });
  const pad = (number) => String(number).padStart(2, "0");
  const clock = (at, withSeconds = true) => {
    const second = Math.floor(at - midnight + 1e-6);
    const text = pad(Math.floor(second / 3600)) + ":" + pad(Math.floor(second / 60) % 60);
    return withSeconds ? text + ":" + pad(second % 60) : text;
  };
  const short = (value) => {
    const size = Math.abs(value);
    if (size >= 1e7) return coarse.format(value / 1e7) + " Cr";
    if (size >= 1e5) return coarse.format(value / 1e5) + " L";
    return coarse.format(value);
  };
  const written = (format) => (chart, value) => (value == null ? "\u2014" : format.format(value));

  /* -- what each chart shows -------------------------------------------------------------------- */

  const line = (label, colour, values, more = {}) => ({ label, colour, values, format: rupees, ...more });
  const net = (curve) => curve.net_inr || curve.gross_inr;
  const fillsOf = (price) => report.fills.filter((fill) => price.is_traded
    ? fill.instrument === price.instrument : fill.underlying === price.underlying);

  const specOf = (name) => {
    const [kind, place, greek] = name.split("-");
    if (kind === "profit") {
      const lines = [
        line("gross", 2, curves.total.gross_inr),
        line("realised", 7, curves.total.realised_inr, { stepped: true, dash: [4, 3] }),
      ];
      if (curves.total.net_inr) lines.unshift(line("net", 1, curves.total.net_inr, { width: 2 }));
      return { lines, zero: true };
    }
    if (kind === "drawdown")
      return { lines: [line("drawdown", 5, curves.total.drawdown_inr, { filled: true })], zero: true };
    if (kind === "strategies")
      return {
        lines: curves.strategies.map((curve, at) => line(curve.strategy, (at % 8) + 1, net(curve), {
          dash: at < 8 ? [] : [6, 3],
        })),
        zero: true,
      };
    if (kind === "exposure")
      return {
        lines: [
          line("long", 6, curves.exposure.long_inr, { filled: true, stepped: true }),
          line("short", 5, curves.exposure.short_inr, { filled: true, stepped: true }),
        ],
        zero: true,
      };
    if (kind === "greek") {
      const colour = { delta: 1, gamma: 4, vega: 3, theta: 2 }[greek];
      return { lines: [line(greek, colour, curves.greeks[place][greek], { format: plain })], zero: true };
    }
    if (kind === "frames")
      return {
        lines: [line("frames a second", 7, curves.frames.map((count, at) =>
          at ? count / Math.max(curves.clock_s[at] - curves.clock_s[at - 1], 1e-9) : null),
        { filled: true, stepped: true, format: plain })],
        zero: true,
      };
    const price = curves.prices[place];
    return { lines: [line("last", 1, price.last)], fills: marksOf(price) };
  };

  /* A fill on its own instrument stands at its price; on an underlying, at the underlying's price. */
  const marksOf = (price) =>
    fillsOf(price).map((fill) => {
      const at = fill.at / 1e9;
      const near = price.last[Math.min(Math.max(lowest(at), 0), times.length - 1)];
      return {
        at,
        price: price.is_traded ? Number(fill.price) : near,
        isBuy: fill.side === "BUY",
        text: clock(at) + " " + fill.side + " " + fill.quantity + " " + fill.symbol + " at " +
          rupees.format(Number(fill.price)) + " (" + fill.group_id + ")",
      };
    }).filter((mark) => mark.price != null);
  const lowest = (at) => {
    let low = 0, high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] <= at) low = middle + 1; else high = middle;
    }
    return low - 1;
  };

  /* -- drawing ---------------------------------------------------------------------------------- */

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const shadeClosed = (chart) => {
    const { left, top, width, height } = chart.bbox;
    const context = chart.ctx;
    const edge = (at) => Math.min(Math.max(chart.valToPos(at, "x", true), left), left + width);
    context.save();
    context.fillStyle = colour("--off");
    let from = left;
    for (const [opens, closes] of curves.windows) {
      const until = edge(midnight + opens);
      if (until > from) context.fillRect(from, top, until - from, height);
      from = Math.max(from, edge(midnight + closes));
    }
    if (curves.windows.length && from < left + width)
      context.fillRect(from, top, left + width - from, height);
    context.restore();
  };

  const drawZero = (chart) => {
    const { min, max } = chart.scales.y;
    if (min == null || min > 0 || max < 0) return;
    const { left, width } = chart.bbox;
    const y = Math.round(chart.valToPos(0, "y", true)) + 0.5;
    const context = chart.ctx;
    context.save();
    context.strokeStyle = colour("--faint");
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(left, y);
    context.lineTo(left + width, y);
    context.stroke();
    context.restore();
  };

  const drawMarks = (marks) => (chart) => {
    const context = chart.ctx;
    const { left, top, width, height } = chart.bbox;
    const size = 7 * devicePixelRatio;
    const inks = { true: colour("--buy"), false: colour("--sell") };
    context.save();
    context.beginPath();
    context.rect(left, top, width, height);
    context.clip();
    context.strokeStyle = colour("--page");
    context.lineWidth = devicePixelRatio;
    for (const mark of marks) {
      const x = chart.valToPos(mark.at, "x", true);
      if (x < left - size || x > left + width + size) continue;
      const y = chart.valToPos(mark.price, "y", true);
      const way = mark.isBuy ? 1 : -1;
      context.fillStyle = inks[mark.isBuy];
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x - size * 0.8, y + way * size * 1.5);
      context.lineTo(x + size * 0.8, y + way * size * 1.5);
      context.closePath();
      context.fill();
      context.stroke();
    }
    context.restore();
  };

  const pointAt = (marks, place) => (chart) => {
    const box = place.parentElement.querySelector(".pointed");
    const x = chart.cursor.left;
    if (x == null || x < 0) { box.textContent = ""; return; }
    const near = marks.filter((mark) => Math.abs(chart.valToPos(mark.at, "x") - x) <= 6);
    const more = near.length > 3 ? " and " + (near.length - 3) + " more" : "";
    box.textContent = near.slice(0, 3).map((mark) => mark.text).join("; ") + more;
  };

  const showRange = (chart, scale) => {
    if (scale !== "x" || chart.isFollowing) return;
    const { min, max } = chart.scales.x;
    if (min == null || (min === shown[0] && max === shown[1])) return;
    zoom(min, max);
  };

  const zoom = (min, max) => {
    const span = Math.min(Math.max(max - min, Math.max(2 * curves.step_s, 2)), last - first);
    const start = Math.min(Math.max(min, first), last - span);
    shown = [start, start + span];
    for (const chart of charts) {
      chart.isFollowing = true;
      chart.setScale("x", { min: shown[0], max: shown[1] });
      chart.isFollowing = false;
    }
    for (const box of document.querySelectorAll(".range"))
      box.textContent = clock(shown[0]) + " to " + clock(shown[1]);
  };

  const optionsOf = (place, spec, width) => {
    const axis = { stroke: colour("--faint"), grid: { stroke: colour("--line"), width: 1 },
      ticks: { stroke: colour("--line"), width: 1 }, font: "12px system-ui, sans-serif" };
    const marks = spec.fills || [];
    const series = spec.lines.map((each) => {
      const ink = colour("--c" + each.colour);
      return {
        label: each.label, stroke: ink, width: each.width || 1.4, dash: each.dash,
        fill: each.filled ? ink + "33" : undefined, points: { show: false },
        paths: each.stepped ? uPlot.paths.stepped({ align: -1 }) : undefined,
        value: written(each.format), spanGaps: false,
      };
    });
    return {
      width, height: width < 420 ? 190 : 230, series: [{ label: "time",
        value: (chart, at) => (at == null ? "\u2014" : clock(at)) }, ...series],
      tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), "Asia/Kolkata"),
      padding: [8, 12, 0, 0],
      scales: {
        x: { time: true, range: (chart, min, max) => [min, max] },
        y: { range: (chart, min, max) => {
          if (min == null) return [0, 1];
          let low = min, high = max;
          for (const mark of marks)
            if (mark.at >= shown[0] && mark.at <= shown[1]) {
              low = Math.min(low, mark.price);
              high = Math.max(high, mark.price);
            }
          if (spec.zero) { low = Math.min(low, 0); high = Math.max(high, 0); }
          if (low === 0 && high === 0) return [-1, 1];
          return uPlot.rangeNum(low, high, { min: { pad: 0.08, mode: spec.zero && low === 0 ? 1 : 0,
            soft: 0 }, max: { pad: 0.08, mode: spec.zero && high === 0 ? 1 : 0, soft: 0 } });
        } },
      },
      axes: [
        { ...axis, space: 64, size: 32, values: (chart, splits, at, space, step) =>
          splits.map((split) => clock(split, step < 60)) },
        // All charts of a page have one width of axis, so that a moment stands at one place in all.
        { ...axis, size: 62, values: (chart, splits) => splits.map(short) },
      ],
      cursor: { sync: { key: "day", setSeries: false, scales: ["x", null] }, focus: { prox: 24 }, y: false,
        drag: { x: true, y: false }, points: { size: 6 } },
      hooks: {
        drawClear: [shadeClosed],
        draw: [...(spec.zero ? [drawZero] : []), ...(marks.length ? [drawMarks(marks)] : [])],
        setScale: [showRange],
        setCursor: marks.length ? [pointAt(marks, place)] : [],
      },
    };
  };

  const widthOf = (place) => Math.max(Math.floor(place.clientWidth), 200);

  const draw = () => {
    for (const chart of charts.splice(0)) chart.destroy();
    for (const place of places) {
      const spec = specOf(place.dataset.chart);
      const data = [times, ...spec.lines.map((each) => each.values)];
      const chart = new uPlot(optionsOf(place, spec, widthOf(place)), data, place);
      chart.isFollowing = false;
      chart.over.addEventListener("dblclick", () => zoom(first, last));
      charts.push(chart);
    }
    zoom(shown[0], shown[1]);
  };

  const resize = () => {
    charts.forEach((chart, at) => {
      const width = widthOf(places[at]);
      if (width !== chart.width) chart.setSize({ width, height: width < 420 ? 190 : 230 });
    });
  };

  /* -- people ----------------------------------------------------------------------------------- */

  for (const button of document.querySelectorAll("[data-zoom]"))
    button.addEventListener("click", () => {
      const [min, max] = shown;
      const span = max - min;
      const ways = {
        in: [min + span / 4, max - span / 4], out: [min - span / 2, max + span / 2],
        back: [min - span / 2, max - span / 2], on: [min + span / 2, max + span / 2],
        all: [first, last],
      };
      zoom(...ways[button.dataset.zoom]);
    });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  matchMedia("print").addEventListener("change", draw);
  new ResizeObserver(resize).observe(document.body);
  draw();
})();
