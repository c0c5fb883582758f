"use strict";
(() => {
  const source = document.getElementById("run");
  const plot = document.getElementById("front-plot");
  if (!source || !plot) return;
  const run = JSON.parse(source.textContent);
  const panel = document.getElementById("front-panel");
  const tip = document.getElementById("front-tip");
  const choose = { x: document.getElementById("axis-x"), y: document.getElementById("axis-y") };
  const limits = document.getElementById("front-limits");
  const lower = document.getElementById("lower-rungs");
  const NS = "http://www.w3.org/2000/svg";
  const byNumber = new Map(run.trials.map((trial) => [trial.n, trial]));
  const children = new Map();
  for (const trial of run.trials)
    for (const parent of ancestorsOf(trial)) (children.get(parent) || children.set(parent, []).get(parent)).push(trial.n);
  let selected = null, traced = false; // traced: the ancestors of the selected trial are drawn

  function ancestorsOf(trial) {
    return trial.c === null ? trial.p : [trial.c];
  }
  function make(name, attributes, parent, content) {
    const element = document.createElementNS(NS, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (content !== undefined) element.textContent = content;
    if (parent) parent.append(element);
    return element;
  }
  function html(name, content, parent, className) {
    const element = document.createElement(name);
    if (content !== undefined && content !== null) element.textContent = content;
    if (className) element.className = className;
    if (parent) parent.append(element);
    return element;
  }
  // The same digits as the tables: four significant, thousands separated.
  function number(value, digits = 4) {
    if (value === null || value === undefined || !isFinite(value)) return "–";
    if (value === 0) return "0";
    const magnitude = Math.floor(Math.log10(Math.abs(value)));
    if (magnitude < -5 || magnitude > 14) return value.toExponential(digits - 1);
    return value.toLocaleString("en-US", { maximumFractionDigits: Math.max(0, digits - 1 - magnitude) });
  }
  function shown(metric, value) {
    if (value === null || value === undefined) return "–";
    return number(value / metric.divisor) + (metric.unit ? "\u00a0" + metric.unit : "");
  }
  function axisLabel(metric) {
    return metric.unit ? metric.label + " (" + metric.unit + ")" : metric.label;
  }
  function value(item, index) {
    if (index === -1) return item.n === undefined ? null : item.n;
    const raw = item.m[index];
    return raw === null || raw === undefined ? null : raw / run.metrics[index].divisor;
  }
  function metricAt(index) {
    return index === -1 ? { label: "trial number", unit: "", divisor: 1, maximize: null, limit: null } : run.metrics[index];
  }

  function ticks(low, high, wanted) {
    const raw = (high - low) / wanted;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
    const marks = [];
    for (let i = Math.ceil(low / step - 1e-9); i <= Math.floor(high / step + 1e-9); i++) marks.push(i * step + 0);
    let decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    if (Math.abs(step * 10 ** decimals - Math.round(step * 10 ** decimals)) > 1e-6) decimals++;
    return marks.map((mark) => [
      mark,
      Math.abs(mark) >= 1e6 ? mark.toPrecision(3) : mark.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }),
    ]);
  }
  function range(values) {
    if (!values.length) return [0, 1];
    let low = Math.min(...values), high = Math.max(...values);
    if (high - low <= 1e-12 * Math.max(Math.abs(low), Math.abs(high), 1e-300)) {
      const margin = Math.abs(low) * 0.1 || 1;
      return [low >= 0 ? Math.max(0, low - margin) : low - margin, high + margin];
    }
    const margin = (high - low) * 0.07;
    return [low >= 0 ? Math.max(0, low - margin) : low - margin, high + margin];
  }

  function draw() {
    const ix = Number(choose.x.value), iy = Number(choose.y.value);
    const mx = metricAt(ix), my = metricAt(iy);
    const width = Math.max(300, plot.clientWidth), height = Math.round(Math.min(540, Math.max(340, width * 0.74)));
    const box = { left: 62, right: width - 14, top: 34, bottom: height - 46 };
    const lineage = selected === null || !traced ? new Set() : lineageOf(selected);
    const visible = run.trials.filter((trial) =>
      (trial.r === run.top || lower.checked || lineage.has(trial.n)) && value(trial, ix) !== null && value(trial, iy) !== null);
    const baselines = run.baselines.filter((item) => value(item, ix) !== null && value(item, iy) !== null);
    const all = [...visible, ...baselines];
    const [x0, x1] = range(all.map((item) => value(item, ix)));
    const [y0, y1] = range(all.map((item) => value(item, iy)));
    const X = (v) => box.left + ((v - x0) / (x1 - x0)) * (box.right - box.left);
    const Y = (v) => box.bottom - ((v - y0) / (y1 - y0)) * (box.bottom - box.top);

    plot.querySelector("svg")?.remove();
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `${my.label} against ${mx.label}` });
    svg.style.font = "13px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif";
    plot.prepend(svg);
    const text = (x, y, content, anchor, extra) =>
      make("text", { x, y, "text-anchor": anchor, style: "fill:var(--muted);" + (extra || "") }, svg, content);
    const line = (a, b, c, d, style) => make("line", { x1: a, y1: b, x2: c, y2: d, style }, svg);
    for (const [mark, label] of ticks(y0, y1, 6)) {
      line(box.left, Y(mark), box.right, Y(mark), "stroke:var(--line)");
      text(box.left - 7, Y(mark) + 4, label, "end");
    }
    for (const [mark, label] of ticks(x0, x1, width < 480 ? 4 : 7)) {
      if (ix === -1 && mark % 1) continue;
      line(X(mark), box.bottom, X(mark), box.bottom + 5, "stroke:var(--muted)");
      text(X(mark), box.bottom + 19, label, "middle");
    }
    line(box.left, box.bottom, box.right, box.bottom, "stroke:var(--muted)");
    const better = (m, small, large) => (m.maximize === null ? "" : m.maximize ? large : small);
    text((box.left + box.right) / 2, box.bottom + 39, axisLabel(mx) + better(mx, "  ← better", "  better →"), "middle");
    text(4, 16, axisLabel(my) + better(my, "  ↓ better", "  ↑ better"), "start", "font-weight:600;fill:var(--ink)");

    const red = "stroke:var(--red);stroke-dasharray:6 4;stroke-width:1.5";
    const unseen = [];
    const limit = (metric, low, high, drawIt) => {
      if (metric.limit === null) return;
      const at = metric.limit / metric.divisor;
      if (at >= low && at <= high) drawIt(at, `limit ${shown(metric, metric.limit)}`);
      else unseen.push(`${metric.label} at most ${shown(metric, metric.limit)}`);
    };
    limit(mx, x0, x1, (at, label) => {
      line(X(at), box.top - 6, X(at), box.bottom, red);
      text(X(at) - 5, box.top + 5, label, "end", "fill:var(--red)");
    });
    limit(my, y0, y1, (at, label) => {
      line(box.left, Y(at), box.right, Y(at), red);
      text(box.right, Y(at) - 5, label, "end", "fill:var(--red)");
    });
    limits.textContent = unseen.length ? `Limits outside the picture: ${unseen.join("; ")}.` : "";

    if (mx.maximize !== null && my.maximize !== null) {
      const better2 = staircase(visible.filter((t) => t.r === run.top && t.ok), ix, iy, mx, my);
      const path = better2.map(([a, b], i) => (i ? `H${X(a)} V${Y(b)}` : `M${X(a)} ${Y(b)}`)).join(" ");
      if (better2.length > 1) make("path", { d: path, style: "fill:none;stroke:var(--blue);stroke-width:1.6;stroke-opacity:.6" }, svg);
    }
    for (const number of lineage) {
      const trial = byNumber.get(number);
      for (const parent of trial ? ancestorsOf(trial) : []) {
        const other = byNumber.get(parent);
        if (!lineage.has(parent) || !visible.includes(trial) || !visible.includes(other)) continue;
        line(X(value(other, ix)), Y(value(other, iy)), X(value(trial, ix)), Y(value(trial, iy)),
          "stroke:var(--orange);stroke-width:1.5;stroke-opacity:.8" + (trial.c === parent ? "" : ";stroke-dasharray:4 3"));
      }
    }
    const rank = (t) => (t.n === selected ? 4 : t.w ? 3 : t.f ? 2 : t.r === run.top ? 1 : 0);
    for (const trial of [...visible].sort((a, b) => rank(a) - rank(b))) point(svg, trial, X(value(trial, ix)), Y(value(trial, iy)), lineage);
    const places = all.map((item) => [X(value(item, ix)), Y(value(item, iy))]);
    for (const item of baselines) baseline(svg, item, X(value(item, ix)), Y(value(item, iy)), box, places);
  }
  // Best trials for the two chosen axes alone, as corners from left to right.
  function staircase(trials, ix, iy, mx, my) {
    const rows = trials.map((t) => [value(t, ix), value(t, iy)]);
    rows.sort((a, b) => (mx.maximize ? b[0] - a[0] : a[0] - b[0]) || (my.maximize ? b[1] - a[1] : a[1] - b[1]));
    const corners = [];
    for (const row of rows) if (!corners.length || (my.maximize ? row[1] > corners.at(-1)[1] : row[1] < corners.at(-1)[1])) corners.push(row);
    return corners;
  }
  function point(svg, trial, x, y, lineage) {
    const own = trial.n === selected, related = lineage.has(trial.n);
    const colour = trial.w ? "var(--orange)" : trial.f ? "var(--blue)" : "var(--grey)";
    const faded = trial.r === run.top ? (trial.f || trial.w ? 1 : 0.5) : 0.28;
    const style = `fill:${trial.r === run.top ? colour : "var(--card)"};fill-opacity:${trial.r === run.top ? faded : 1};stroke:${own ? "var(--ink)" : related ? "var(--orange)" : trial.r === run.top ? "var(--card)" : "var(--grey)"};stroke-width:${own ? 3 : related ? 2.5 : 1.2};stroke-opacity:${own || related ? 1 : trial.r === run.top ? 1 : 0.6}`;
    const mark = trial.w
      ? make("path", { d: star(x, y, own ? 12 : 10), style }, svg)
      : make("circle", { cx: x, cy: y, r: trial.f ? 6.5 : trial.r === run.top ? 5 : 3.5, style }, svg);
    interactive(mark, x, y, `trial ${trial.n}`, () => describe(trial), () => select(own && traced ? null : trial.n, true), trial.f || trial.w);
  }
  function baseline(svg, item, x, y, box, places) {
    const mark = make("path", { d: `M${x} ${y - 8}L${x + 8} ${y}L${x} ${y + 8}L${x - 8} ${y}Z`, style: "fill:var(--card);stroke:var(--purple);stroke-width:2.4" }, svg);
    // The label goes to the side where it covers fewer points and stays inside.
    const long = 14 + 7 * item.name.length;
    const covers = (side) => places.filter(([a, b]) => Math.abs(b - y) < 13 && (a - x) * side > 1 && (a - x) * side < long).length
      + (x + side * long < box.left || x + side * long > box.right ? 100 : 0);
    const left = covers(-1) < covers(1);
    make("text", { x: x + (left ? -12 : 12), y: y + 4, "text-anchor": left ? "end" : "start", style: "fill:var(--purple);font-size:12px;paint-order:stroke;stroke:var(--card);stroke-width:3px" }, svg, item.name);
    interactive(mark, x, y, `baseline ${item.name}`, () => describe(item), () => { selected = null; show(item); mark(null); draw(); }, true);
  }
  function star(x, y, r) {
    let path = "";
    for (let i = 0; i < 10; i++) {
      const radius = i % 2 ? r * 0.45 : r, angle = -Math.PI / 2 + (i * Math.PI) / 5;
      path += `${i ? "L" : "M"}${(x + radius * Math.cos(angle)).toFixed(1)} ${(y + radius * Math.sin(angle)).toFixed(1)}`;
    }
    return path + "Z";
  }
  function interactive(mark, x, y, label, describeIt, click, focusable) {
    mark.classList.add("point");
    mark.setAttribute("aria-label", label);
    mark.setAttribute("role", "button");
    if (focusable) mark.setAttribute("tabindex", "0");
    const open = () => {
      tip.replaceChildren(describeIt());
      tip.hidden = false;
      const scale = plot.querySelector("svg").clientWidth / Math.max(300, plot.clientWidth) || 1;
      const left = x * scale + 14 + tip.offsetWidth > plot.clientWidth ? x * scale - tip.offsetWidth - 14 : x * scale + 14;
      tip.style.left = Math.max(0, left) + "px";
      tip.style.top = Math.max(0, y * scale - tip.offsetHeight / 2) + "px";
    };
    mark.addEventListener("pointerenter", open);
    mark.addEventListener("focus", open);
    mark.addEventListener("pointerleave", () => (tip.hidden = true));
    mark.addEventListener("blur", () => (tip.hidden = true));
    mark.addEventListener("click", () => { tip.hidden = true; click(); });
    mark.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); click(); }
      if (event.key === "Escape") tip.hidden = true;
    });
  }
  function title(item) {
    if (item.n === undefined) return "baseline " + item.name;
    return `trial ${item.n}${item.w ? ", the winner" : item.f ? ", on the front" : ""}`;
  }
  function describe(item) {
    const part = document.createElement("div");
    html("b", title(item), part);
    const metrics = run.metrics.map((metric, i) => [metric, item.m[i]]).filter(([metric, v]) => metric.objective && v !== null);
    html("div", metrics.map(([metric, v]) => `${shown(metric, v)} ${metric.label}`).join(" · "), part);
    const choices = run.choices.map((name, i) => [name, item.a[i]]).filter(([, v]) => v !== null);
    html("div", choices.map(([name, v]) => `${name} ${v}`).join(", "), part, "note");
    return part;
  }
  function lineageOf(number) {
    const found = new Set([number]), queue = [number];
    while (queue.length && found.size < 80)
      for (const parent of byNumber.has(queue[0]) ? ancestorsOf(byNumber.get(queue.shift())) : (queue.shift(), []))
        if (!found.has(parent)) { found.add(parent); queue.push(parent); }
    return found;
  }
  function mark(number) {
    for (const row of document.querySelectorAll("tr[data-trial]")) row.classList.toggle("on", Number(row.dataset.trial) === number);
  }
  function select(number, trace) {
    selected = number;
    traced = trace;
    if (number === null) panel.replaceChildren(html("p", panel.dataset.hint, null, "note"));
    else show(byNumber.get(number));
    mark(number);
    draw();
  }
  function show(item) {
    panel.replaceChildren();
    html("h3", title(item), panel);
    if (item.n !== undefined) {
      const story = [item.o ? `came about by ${item.o}` : "", `rung ${run.rungs[item.r] || item.r}`].filter(Boolean).join(", ");
      html("p", story + (item.w && run.final ? "; as the search measured it, before any final training" : ""), panel, "note");
    }
    const list = html("dl", null, panel);
    run.metrics.forEach((metric, i) => {
      if (item.m[i] === null || item.m[i] === undefined) return;
      html("dt", metric.label, list);
      html("dd", shown(metric, item.m[i]), list);
    });
    const rule = html("p", "", panel);
    rule.style.margin = ".6em 0 0";
    const choices = html("dl", null, panel);
    run.choices.forEach((name, i) => {
      if (item.a[i] === null || item.a[i] === undefined) return;
      html("dt", name, choices);
      html("dd", item.a[i], choices);
    });
    if (item.n === undefined) return;
    related("continues trial", item.c === null ? [] : [item.c]);
    if (item.c === null) related("descends from", item.p);
    related("led to", [...new Set(children.get(item.n) || [])]);
  }
  function related(label, numbers) {
    if (!numbers.length) return;
    const line = html("p", label + " ", panel, "note");
    numbers.slice(0, 12).forEach((number, i) => {
      if (i) line.append(", ");
      if (!byNumber.has(number)) { line.append(String(number)); return; }
      const link = html("a", String(number), line);
      link.href = "#front";
      link.addEventListener("click", (event) => { event.preventDefault(); select(number, true); });
    });
    if (numbers.length > 12) line.append(` and ${numbers.length - 12} more`);
  }

  for (const [axis, start] of [["x", run.start[0]], ["y", run.start[1]]]) {
    [...run.metrics.map((metric, i) => [i, metric.label]), [-1, "trial number"]].forEach(([i, label]) => {
      const option = html("option", label, choose[axis]);
      option.value = i;
    });
    choose[axis].value = start;
    choose[axis].addEventListener("change", draw);
  }
  lower.addEventListener("change", draw);
  for (const row of document.querySelectorAll("tr[data-trial]"))
    row.addEventListener("click", () => { select(Number(row.dataset.trial), true); document.getElementById("front").scrollIntoView({ behavior: "smooth" }); });
  let pending = 0;
  addEventListener("resize", () => { cancelAnimationFrame(pending); pending = requestAnimationFrame(draw); });
  const first = run.trials.find((trial) => trial.w);
  select(first ? first.n : null, false);
})();
