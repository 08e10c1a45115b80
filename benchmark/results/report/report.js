// Draws the charts of each leaderboard from its JSON and sorts its tables. Nothing is fetched.
"use strict";
const SVG = "http://www.w3.org/2000/svg";
const make = (parent, name, attributes = {}, text) => {
  const svg = ["svg", "path", "line", "circle", "text", "g", "rect"].includes(name);
  const element = svg ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
};
const ticks = (low, high, count = 5) => {
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((part) => power * part >= raw * 0.99);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-6; at++) found.push(+(at * step).toPrecision(10));
  return found;
};
const shown = (value) => (Math.abs(value) >= 1000 ? value.toLocaleString("en") : String(+value.toPrecision(3)));

function drawChart(canvas, chart, strategies, output) {
  const [width, height] = document.documentElement.clientWidth < 600 ? [400, 300] : [720, 430];
  const [left, bottom, top, right] = [52, 44, 8, 12];
  const series = chart.series.map((one) => {
    const spread = one.s, y = one.y;
    return { ...one, x: (one.x || chart.grid).map((v) => v / 1000), y: y.map((v) => v / 1000), low: y.map((v, i) => (v - spread[i]) / 1000), high: y.map((v, i) => (v + spread[i]) / 1000) };
  });
  const xs = series.flatMap((one) => one.x), ys = series.flatMap((one) => one.y);
  const xEnd = chart.top || Math.max(...xs), yEnd = chart.top || Math.max(...ys) * 1.05 || 1;
  const xStart = chart.log ? Math.min(...xs) : 0;
  const scale = chart.log ? Math.log : (v) => v;
  const px = (x) => left + (width - left - right) * (scale(x) - scale(xStart)) / (scale(xEnd) - scale(xStart) || 1);
  const py = (y) => height - bottom - (height - bottom - top) * Math.min(1.02, Math.max(0, y / yEnd));
  const svg = make(canvas, "svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${chart.y} against ${chart.x}` });
  const marks = chart.log ? [xStart, Math.sqrt(xStart * xEnd), xEnd].map(Math.round) : ticks(xStart, xEnd);
  for (const x of marks) {
    make(svg, "line", { class: "tick", x1: px(x), x2: px(x), y1: top, y2: height - bottom });
    make(svg, "text", { x: px(x), y: height - bottom + 16, "text-anchor": "middle" }, shown(x));
  }
  for (const y of ticks(0, yEnd)) {
    make(svg, "line", { class: "tick", x1: left, x2: width - right, y1: py(y), y2: py(y) });
    make(svg, "text", { x: left - 6, y: py(y) + 4, "text-anchor": "end" }, shown(y));
  }
  make(svg, "text", { x: (left + width) / 2, y: height - 8, "text-anchor": "middle" }, chart.x);
  make(svg, "text", { x: 0, y: 0, transform: `translate(13 ${(height - bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, chart.y);
  for (const [one, two] of chart.lines) make(svg, "line", { class: "ref", x1: px(one[0]), y1: py(one[1]), x2: px(two[0]), y2: py(chart.top ? two[1] : Math.min(two[1], yEnd)) });
  const line = (one, ys, back) => ys.map((y, i) => `${i || back ? "L" : "M"}${px(one.x[i]).toFixed(1)} ${py(y).toFixed(1)}`);
  for (const one of series) {
    one.group = make(svg, "g");
    const style = strategies[one.n].style;
    one.band = make(one.group, "path", { class: `band fill ${style}`, visibility: "hidden", d: line(one, one.high).join("") + line(one, one.low, true).reverse().join("") + "Z" });
    one.line = make(one.group, "path", { class: `line ${style}`, d: line(one, one.y).join("") });
    if (one.p) make(one.group, "circle", { class: `fill ${style}`, cx: px(one.p[0] / 1000), cy: py(one.p[1] / 1000), r: 5 });
  }
  const cross = make(svg, "circle", { class: "fill base", r: 4, visibility: "hidden" });
  let active;
  const light = (hit, index) => {
    if (active && active !== hit) { active.band.setAttribute("visibility", "hidden"); active.line.classList.remove("hit"); }
    active = hit;
    cross.setAttribute("visibility", hit ? "visible" : "hidden");
    if (!hit) { output.textContent = ""; return; }
    hit.band.setAttribute("visibility", "inherit");
    hit.line.classList.add("hit");
    svg.insertBefore(hit.group, cross);
    cross.setAttribute("cx", px(hit.x[index])); cross.setAttribute("cy", py(hit.y[index]));
    output.textContent = `${strategies[hit.n].name}: ${chart.x} ${shown(hit.x[index])}, ${chart.y} ${hit.y[index].toFixed(3)} ± ${(hit.high[index] - hit.y[index]).toFixed(3)}${hit.v ? ` (${hit.v})` : ""}`;
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect(), ratio = width / box.width;
    const [x, y] = [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
    let best = [1e9];
    for (const one of series) if (strategies[one.n].on) one.x.forEach((value, i) => {
      const away = Math.hypot(px(value) - x, py(one.y[i]) - y);
      if (away < best[0]) best = [away, one, i];
    });
    light(best[0] < 60 ? best[1] : undefined, best[2]);
  });
  svg.addEventListener("pointerleave", () => light());
  return {
    chart,
    update: () => series.forEach((one) => one.group.setAttribute("visibility", strategies[one.n].on ? "visible" : "hidden")),
    focus: (n) => { const one = series.find((each) => each.n === n); light(one, one && Math.floor(one.x.length / 2)); },
    value: (n) => (series.find((one) => one.n === n) || {}).v || "",
  };
}

function legend(box, strategies, charts, current) {
  const update = () => {
    strategies.forEach((one) => { one.input.checked = one.on; one.row.classList.toggle("hidden", !one.on); });
    charts.forEach((chart) => chart.update());
  };
  const all = make(box, "div", { class: "all" });
  for (const [text, on] of [["all", true], ["none", false]]) make(all, "button", { type: "button" }, text).addEventListener("click", () => { strategies.forEach((one) => (one.on = on)); update(); });
  strategies.forEach((one, n) => {
    one.row = make(box, "div", { class: "item" });
    const label = make(one.row, "label", { title: one.name });
    one.input = make(label, "input", { type: "checkbox" });
    const sample = make(label, "svg", { "aria-hidden": "true" });
    make(sample, "line", { class: `line ${one.style}`, x1: 0, x2: 28, y1: 5, y2: 5 });
    make(label, "span", {}, one.name.replace(/[_+]|(?=\()/g, "$&\u200b"));
    one.value = make(one.row, "span", { class: "value" });
    const only = make(one.row, "button", { type: "button", "aria-label": `only ${one.name}` }, "only");
    one.input.addEventListener("change", () => { one.on = one.input.checked; update(); });
    only.addEventListener("click", () => { strategies.forEach((other) => (other.on = other === one || other.style === "base")); update(); current().focus(n); });
    for (const event of ["pointerenter", "focusin"]) one.row.addEventListener(event, () => one.on && current().focus(n));
  });
  return update;
}

function strips(box, measure, strategies) {
  box.textContent = "";
  const rows = strategies.map((one, n) => ({ ...one, values: measure.values[n].filter((v) => v !== null).map((v) => v / 1000) })).filter((one) => one.values.length);
  rows.forEach((one) => (one.mean = one.values.reduce((sum, v) => sum + v, 0) / one.values.length));
  rows.sort((one, two) => two.mean - one.mean);
  const narrow = box.clientWidth < 560, width = narrow ? 400 : 900, left = narrow ? 130 : 220, right = 56, step = 22;
  const all = rows.flatMap((one) => one.values);
  let [low, high] = [Math.min(...all), Math.max(...all)];
  const room = (high - low || 1) * 0.05;
  [low, high] = [low - room, high + room];
  const px = (v) => left + (width - left - right) * (v - low) / (high - low);
  const svg = make(box, "svg", { viewBox: `0 0 ${width} ${rows.length * step + 24}`, role: "img", "aria-label": `${measure.name} of every seed by strategy` });
  for (const tick of ticks(low, high, narrow ? 3 : 6)) {
    make(svg, "line", { class: "tick", x1: px(tick), x2: px(tick), y1: 0, y2: rows.length * step });
    make(svg, "text", { x: px(tick), y: rows.length * step + 16, "text-anchor": "middle" }, shown(tick));
  }
  rows.forEach((one, row) => {
    const y = row * step + step / 2, most = narrow ? 16 : 30, half = (most - 1) >> 1;
    const name = one.name.length > most ? `${one.name.slice(0, half)}…${one.name.slice(-half)}` : one.name;
    make(make(svg, "text", { x: left - 8, y: y + 4, "text-anchor": "end" }, name), "title", {}, one.name);
    for (const value of one.values) make(svg, "circle", { class: `seed fill ${one.style}`, cx: px(value), cy: y, r: 3.5 });
    make(svg, "line", { class: "mean", x1: px(one.mean), x2: px(one.mean), y1: y - 7, y2: y + 7 });
    make(svg, "text", { x: width, y: y + 4, "text-anchor": "end" }, one.mean.toFixed(3));
  });
}

function runsTable(details, data) {
  const names = data.measures.slice(0, 6), box = details.querySelector(".scroll");
  details.addEventListener("toggle", () => {
    if (!details.open || box.firstChild) return;
    const table = make(box, "table"), head = make(make(table, "thead"), "tr"), body = make(table, "tbody");
    for (const text of ["strategy", "seed", ...names.map((one) => one.name)]) make(head, "th", { scope: "col" }, text);
    data.strategies.forEach((one, n) => names[0].values[n].forEach((_, seed) => {
      const row = make(body, "tr");
      make(row, "th", { scope: "row" }, one.name);
      make(row, "td", {}, seed);
      for (const measure of names) { const value = measure.values[n][seed]; make(row, "td", {}, value === null ? "-" : (value / 1000).toFixed(3)); }
    }));
  });
}

for (const section of document.querySelectorAll("section")) {
  const data = JSON.parse(section.querySelector('script[type="application/json"]').textContent);
  const figures = [...section.querySelectorAll("figure")];
  const charts = data.charts.map((chart, n) => drawChart(figures[n].querySelector(".canvas"), chart, data.strategies, figures[n].querySelector("output")));
  if (charts.length) {
    let current = 0;
    const update = legend(section.querySelector(".legend"), data.strategies, charts, () => charts[current]);
    const tabs = [...section.querySelectorAll(".tabs button")];
    const choose = (chosen) => {
      current = chosen;
      figures.forEach((figure, n) => figure.classList.toggle("off", n !== chosen));
      tabs.forEach((tab, n) => tab.setAttribute("aria-pressed", n === chosen));
      data.strategies.forEach((one, n) => { one.value.textContent = charts[chosen].value(n); one.row.hidden = !charts[chosen].chart.series.some((each) => each.n === n); });
    };
    tabs.forEach((tab, n) => tab.addEventListener("click", () => choose(n)));
    choose(0);
    update();
  }
  const select = section.querySelector(".measure select"), box = section.querySelector(".strips");
  data.measures.forEach((measure, n) => make(select, "option", { value: n }, measure.name));
  const draw = () => data.measures.length && strips(box, data.measures[select.value || 0], data.strategies);
  select.addEventListener("change", draw);
  matchMedia("(max-width: 600px)").addEventListener("change", draw);
  draw();
  runsTable(section.querySelector(".runs"), data);
}

// A click on a heading sorts by that column, first downwards, then upwards.
// What has no value stays at the end.
for (const table of document.querySelectorAll(".sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    heading.firstElementChild.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") !== "descending";
      headings.forEach((other) => other.setAttribute("aria-sort", "none"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => parseFloat(row.cells[column].dataset.value);
      const text = (row) => row.cells[column].textContent;
      const rows = [...table.tBodies[0].rows];
      rows.sort((one, two) => {
        if (column === 0) return (down ? 1 : -1) * text(one).localeCompare(text(two));
        const [a, b] = [value(one), value(two)];
        if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b);
        return down ? b - a : a - b;
      });
      table.tBodies[0].append(...rows);
    });
  });
}

// On paper everything is unfolded, and folded again afterwards.
const folded = [];
addEventListener("beforeprint", () => document.querySelectorAll("details:not([open]):not(.runs)").forEach((one) => { one.open = true; folded.push(one); }));
addEventListener("afterprint", () => { while (folded.length) folded.pop().open = false; });
addEventListener("hashchange", () => { const next = document.querySelector(location.hash)?.nextElementSibling; if (next?.tagName === "DETAILS") next.open = true; });
