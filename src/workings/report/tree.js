// The tree of an attempt: a row for each trace, from the character where it left its parent to where it ended.
const MOST_ROWS = 60, ROW = 20, LEFT = 34, BEND = 6;
const FATES = { finished: "finished", discarded: "discarded", cut: "cut by length", refused: "refused", probe: "probe" };

function fate(item, chosen) {
  if (item.role === "probe") return "probe";
  if (item.stop === "cancelled" && !chosen) return "discarded";
  if (item.stop === "length" || item.stop === "context full") return "cut";
  return item.stop === "refused" ? "refused" : "finished";
}

// Traces in the order of rows: each below its parent, later branches first, so that no line crosses another.
function arrange(pool, chosen) {
  const rows = pool.map((item, at) => ({
    at, item, from: item.branch || 0, length: item.text[0].length + item.text[1], fate: fate(item, at === chosen), level: 1, parent: null,
    below: [], on: 0,
  }));
  const roots = [];
  for (const row of rows) {
    const parent = rows[row.item.parent];
    if (parent && parent.at < row.at) {
      row.parent = parent;
      row.level = parent.level + 1;
      parent.below.push(row);
    } else roots.push(row);
  }
  const order = [], waiting = roots.reverse();
  while (waiting.length) {
    const row = waiting.pop();
    order.push(row);
    waiting.push(...row.below.sort((a, b) => a.from - b.from || b.at - a.at));
  }
  for (let row = rows[chosen], end = row && row.length; row; end = row.from, row = row.parent) row.on = end;
  // What a chain seems to say before it was left or cut is no answer, unless the method took it.
  for (const row of order) row.answers = row.fate === "finished" || row.fate === "probe" || row.at === chosen;
  return order;
}

// Rows without those that neither end in an answer nor lead to one.
function leading(order) {
  const kept = new Set();
  for (const row of order) {
    if (row.on || row.fate === "finished" || row.fate === "cut") for (let up = row; up && !kept.has(up); up = up.parent) kept.add(up);
  }
  return order.filter((row) => kept.has(row));
}

// A verifier's scores as shares of their range, which is 0 to 1 unless some lie outside it.
function scale(order, name) {
  const all = order.flatMap((row) => (row.item.scores && row.item.scores[name]) || []).filter((score) => typeof score === "number");
  const low = Math.min(0, ...all), high = Math.max(1, ...all);
  const inside = low === 0 && high === 1;
  const [from, to] = inside ? [0, 1] : [all.reduce((a, b) => Math.min(a, b)), all.reduce((a, b) => Math.max(a, b))];
  return { from, to, share: (score) => (to > from ? (score - from) / (to - from) : 1) };
}
const shade = (element, share) => {
  element.style.fill = `color-mix(in srgb, var(--ink) ${Math.round(100 * share)}%, var(--paper))`;
  return element;
};

// What a trace itself wrote: its steps behind the branch with their scores, and what follows the last step.
function ownSteps(row, name) {
  const { item, from } = row;
  const text = item.text[0], scores = (item.scores && item.scores[name]) || [];
  const each = scores.length > 1 || item.steps.length <= 1;
  const found = item.steps.map(([start, end], number) => ({ number, start: Math.max(start, from), end, score: each ? scores[number] : undefined }))
    .filter((step) => step.end > from);
  const tail = Math.max(from, ...item.steps.map(([, end]) => end));
  if (!item.text[1] && text.slice(tail).trim()) found.push({ number: null, start: tail, end: text.length });
  for (const step of found) step.text = text.slice(step.start, step.end).trim();
  return { steps: found, whole: each ? undefined : scores[0] };
}

function spoken(row, name) {
  const words = [`Trace ${row.at + 1}`];
  if (row.parent) words.push(`left trace ${row.parent.at + 1} at character ${count(row.from)}`);
  words.push(FATES[row.fate]);
  if (row.answers) words.push(`${answered(row.item.answer)}${row.item.outcome ? ` (${row.item.outcome})` : ""}`);
  const scores = (row.item.scores && row.item.scores[name]) || [];
  if (scores.length) words.push(`${name} ${scores.length > 1 ? "ends at " : ""}${scores[scores.length - 1]}`);
  if (row.on) words.push(row.on === row.length ? "chosen" : `the answer's path follows it to character ${count(row.on)}`);
  return words.join(", ");
}

function clipped(text, room) {
  let used = 0;
  const letters = [...text];
  const end = letters.findIndex((letter) => (used += letter.codePointAt(0) > 0x2e7f ? 12 : 6.75) > room);
  return end < 0 ? text : `${letters.slice(0, Math.max(1, end - 1)).join("")}…`;
}

function ticks(most) {
  const unit = 10 ** Math.floor(Math.log10(Math.max(1, most / 4)));
  const step = [1, 2, 5, 10].map((n) => n * unit).find((size) => most / size <= 5) || most;
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, n) => n * step);
}

function markOf(kind, x, y) {
  if (kind === "discarded") return shape("path", { class: "gone", d: `M${x - 3.5} ${y - 3.5}l7 7m0 -7l-7 7` });
  return kind === "cut" ? shape("path", { class: "gone", d: `M${x} ${y - 5}v10` }) : null;
}

function dots(row, y, x, name, range) {
  const { steps, whole } = ownSteps(row, name);
  const made = steps.filter((step) => step.number !== null).map((step) => {
    const known = typeof step.score === "number";
    const dot = shape("circle", { class: known ? "score" : "step", cx: x(step.end), cy: y, r: known ? 4.5 : 2, "data-step": step.number });
    return known ? shade(dot, range.share(step.score)) : dot;
  });
  if (typeof whole === "number") made.push(shade(shape("circle", { class: "score", cx: x(row.length), cy: y, r: 4.5 }), range.share(whole)));
  return made;
}

function rowShape(row, y, up, plot, name, range) {
  const { x, width, right } = plot;
  const bend = up === null ? "" : `${up}V${y - BEND}q0 ${BEND} ${Math.min(BEND, x(row.length) - x(row.from))} ${BEND}`;
  const start = up === null ? `M${x(row.from)} ${y}` : `M${x(row.from)} ${bend}`;
  const group = shape("g", {
    class: `row ${row.fate}${row.on === row.length && row.on ? " chosen" : ""}`, role: "treeitem", tabindex: -1, "aria-level": row.level,
    "aria-label": spoken(row, name), "aria-selected": "false", "data-trace": row.at,
  }, shape("rect", { class: "hit", x: 0, y: y - ROW / 2, width, height: ROW }));
  group.append(shape("text", { class: "number", x: LEFT - 12, y: y + 4, "text-anchor": "end" }, String(row.at + 1)));
  const shown = row.answers ? answered(row.item.answer) : row.fate === "discarded" ? "" : FATES[row.fate];
  if (shown) group.append(shape("path", { class: "leader", d: `M${x(row.length) + 8} ${y}H${right - 6}` }));
  group.append(shape("path", { class: up === null ? "chain" : "chain elbow", d: `${start}H${x(row.length)}` }));
  if (row.on) group.append(shape("path", { class: "on", d: `${start}H${x(row.on)}` }));
  group.append(...dots(row, y, x, name, range));
  const mark = markOf(row.fate, x(row.length) + (row.fate === "discarded" ? 10 : 8), y);
  if (mark) group.append(mark);
  if (shown) {
    if (row.answers) group.append(shape("rect", { class: `end ${row.item.outcome || "unjudged"}`, x: right, y: y - 4, width: 8, height: 8 }));
    group.append(shape("text", { class: row.answers ? "answer name" : "answer", x: right + 14, y: y + 4 }, clipped(shown, width - right - 14)));
  }
  return group;
}

function sketch(rows, order, box, name, range) {
  const width = box.clientWidth, right = Math.round(width - Math.min(170, 0.28 * width));
  const most = Math.max(1, ...order.map((row) => row.length));
  const x = (character) => Math.round(10 * (LEFT + (character / most) * (right - LEFT - 24))) / 10;
  const height = rows.length * ROW + 30;
  const at = new Map(rows.map((row, number) => [row, 8 + number * ROW + ROW / 2]));
  const svg = shape("svg", { class: "tree", role: "tree", width, height, viewBox: `0 0 ${width} ${height}`, "aria-label": `Tree of ${plural(order.length, "trace")}` });
  const roots = rows.filter((row) => !row.parent);
  if (roots.length > 1) svg.append(shape("path", { class: "trunk", d: `M${x(0)} ${at.get(roots[0])}V${at.get(roots[roots.length - 1])}` }));
  for (const row of rows) svg.append(rowShape(row, at.get(row), row.parent ? at.get(row.parent) : null, { x, width, right }, name, range));
  // Bends of later rows were drawn over the answer's path where they leave at the same place: it is drawn again there.
  for (const row of rows.filter((one) => one.on && one.parent)) svg.append(shape("path", { class: "on", "aria-hidden": "true", d: `M${x(row.from)} ${at.get(row.parent) + 5}V${at.get(row) - BEND}` }));
  const axis = shape("g", { class: "scale", "aria-hidden": "true" }, shape("path", { class: "grid", d: `M${x(0)} ${height - 18}H${x(most)}` }));
  for (const tick of ticks(most)) axis.append(shape("path", { class: "grid", d: `M${x(tick)} ${height - 18}v4` }), shape("text", { x: x(tick), y: height - 3, "text-anchor": "middle" }, count(tick)));
  axis.append(shape("text", { x: right, y: height - 3 }, "characters"));
  svg.append(axis);
  return svg;
}

function legend(order, name, range) {
  const sign = (...parts) => shape("svg", { width: 30, height: 12, viewBox: "0 0 30 12", "aria-hidden": "true" }, ...parts);
  const line = (kind, d) => shape("path", { class: kind, d });
  const items = [];
  const entry = (has, words, ...parts) => has && items.push(make("li", "", sign(...parts), words));
  if (name) {
    const fades = [0, 0.25, 0.5, 0.75, 1].map((share, n) => shade(shape("circle", { class: "score", cx: 6 + 13 * n, cy: 6, r: 4.5 }), share));
    const ends = [range.from, range.to].map((end) => String(Number(end.toPrecision(3))));
    items.push(make("li", "", shape("svg", { width: 64, height: 12, viewBox: "0 0 64 12", "aria-hidden": "true" }, ...fades), `${name}, ${ends[0]} to ${ends[1]}`));
  }
  const some = (kind) => order.some((row) => row.fate === kind);
  entry(order.some((row) => row.on), "path of the answer", line("on", "M1 6H29"));
  entry(some("discarded"), "discarded", line("chain", "M1 6H15"), markOf("discarded", 23, 6));
  entry(some("cut"), "cut by length", line("chain", "M1 6H21"), markOf("cut", 24, 6));
  const probe = shape("g", { class: "probe" }, line("chain", "M1 6H29"));
  entry(some("probe"), "probe", probe);
  for (const outcome of ["right", "wrong", "unparsed"]) {
    if (order.some((row) => row.answers && row.item.outcome === outcome)) items.push(make("li", "", make("i", `chip ${outcome}`), outcome));
  }
  return make("ul", "key", items);
}

function summary(order, chosen) {
  const number = (kind) => order.filter((row) => row.fate === kind).length;
  const parts = ["finished", "discarded", "cut", "refused"].filter(number).map((kind) => `${count(number(kind))} ${FATES[kind]}`);
  if (number("probe")) parts.push(plural(number("probe"), "probe"));
  const way = [];
  for (let row = order.find((candidate) => candidate.at === chosen); row; row = row.parent) way.unshift(row.at + 1);
  const came = way.length ? ` The answer came from trace ${chosen + 1}${way.length > 1 ? `, by way of ${way.slice(0, -1).join(", ")}` : ""}.` : "";
  const short = order.filter((row) => row.item.text[1]).length;
  const cut = short ? ` Texts of ${plural(short, "trace")} are cut in this page; steps behind the cut are not drawn.` : "";
  return `${plural(order.length, "trace")}: ${parts.join(", ")}.${came}${cut}`;
}

function written(row, name, step) {
  const { steps, whole } = ownSteps(row, name);
  const items = steps.map((own) => {
    const item = make("li", own.number === null ? "gap" : "", own.text);
    if (own.number !== null) item.value = own.number + 1;
    if (own.score !== undefined) item.append(make("small", "", `${name} ${own.score}`));
    if (own.number !== null && own.number === step) item.setAttribute("aria-current", "step");
    return item;
  });
  const head = make("p", "", make("b", "", `Trace ${row.at + 1}`), spoken(row, name).slice(`Trace ${row.at + 1}`.length).replace(/^, /, " · "));
  return [head, make("ol", "steps", items.length ? items : make("li", "gap", row.item.text[1] ? "(cut in this page)" : "(nothing of its own)"))];
}

// The whole section. `pick` is called with the number of the trace that was clicked, or entered.
function drawTree(attempt, pick, ...beside) {
  const chosen = attempt.choice ? attempt.choice.chosen : null;
  const order = arrange(attempt.pool, chosen);
  const names = [...new Set(order.flatMap((row) => Object.keys(row.item.scores || {})))];
  const hidable = order.length - leading(order).length;
  const view = { name: names[0], every: order.length <= MOST_ROWS || !hidable, page: 0, row: order.find((row) => row.at === chosen) || order[0], step: -1, width: 0 };
  const box = make("div", "canvas"), keys = make("div", ""), pages = make("div", "pager"), readout = make("output", "readout");
  const visible = () => (view.every ? order : leading(order));
  const groupOf = (row) => box.querySelector(`[data-trace="${row.at}"]`);

  function seek() { view.page = Math.max(0, Math.floor(visible().indexOf(view.row) / MOST_ROWS)); }
  function show() {
    const all = visible(), from = view.page * MOST_ROWS, page = all.slice(from, from + MOST_ROWS);
    const above = [];
    for (let up = page[0].parent; up; up = up.parent) above.unshift(up);
    if (!page.includes(view.row)) view.row = page[0];
    const range = scale(order, view.name);
    box.replaceChildren(sketch([...above, ...page], order, box, view.name, range));
    for (const row of above) groupOf(row).classList.add("context");
    groupOf(view.row).setAttribute("tabindex", "0");
    keys.replaceChildren(legend(order, view.name, range));
    pages.hidden = all.length <= MOST_ROWS;
    const turn = (by, words) => {
      const button = make("button", "", words);
      button.type = "button";
      button.disabled = by < 0 ? from === 0 : from + MOST_ROWS >= all.length;
      button.addEventListener("click", () => { view.page += by; show(); });
      return button;
    };
    const repeated = above.length ? `, below ${plural(above.length, "row")} repeated from before` : "";
    pages.replaceChildren(turn(-1, "Previous rows"), make("output", "", `Rows ${count(from + 1)}–${count(from + page.length)} of ${count(all.length)}${repeated}`), turn(1, "Next rows"));
  }
  function tell(row, step = -1) {
    view.step = step;
    for (const group of box.querySelectorAll(".told")) group.classList.remove("told");
    const group = groupOf(row);
    group.classList.add("told");
    for (const dot of box.querySelectorAll(".current")) dot.classList.remove("current");
    const dot = group.querySelector(`[data-step="${step}"]`);
    if (dot) dot.classList.add("current");
    readout.replaceChildren(...written(row, view.name, step));
    const current = readout.querySelector("[aria-current]");
    readout.scrollTop = current ? current.offsetTop - readout.offsetTop - 30 : 0;
  }
  function focus(row) {
    const before = box.querySelector("[tabindex='0']");
    if (before) before.setAttribute("tabindex", "-1");
    view.row = row;
    groupOf(row).setAttribute("tabindex", "0");
    groupOf(row).focus();
  }
  function choose(row) {
    for (const group of box.querySelectorAll("[aria-selected=true]")) group.setAttribute("aria-selected", "false");
    groupOf(row).setAttribute("aria-selected", "true");
    pick(row.at);
  }
  const rowAt = (target) => {
    const group = target.closest("[data-trace]");
    return group && order.find((row) => row.at === Number(group.dataset.trace));
  };
  const hear = (event) => {
    const row = rowAt(event.target);
    if (row) tell(row, "step" in event.target.dataset ? Number(event.target.dataset.step) : -1);
  };
  box.addEventListener("pointerover", hear);
  box.addEventListener("focusin", hear);
  box.addEventListener("click", (event) => { const row = rowAt(event.target); if (row) choose(row); });
  box.addEventListener("keydown", (event) => {
    const row = rowAt(event.target);
    if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
    const shown = [...box.querySelectorAll("[data-trace]")].map(rowAt);
    const place = shown.indexOf(row), numbers = ownSteps(row, view.name).steps.map((step) => step.number).filter((n) => n !== null);
    const aim = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: shown.length - 1 }[event.key];
    const step = { ArrowRight: numbers.find((n) => n > view.step), ArrowLeft: numbers.filter((n) => n < view.step).pop() }[event.key];
    if (aim !== undefined && shown[aim]) focus(shown[aim]);
    else if (step !== undefined) tell(row, step);
    else if (event.key === "Enter" || event.key === " ") choose(row);
    else if (!["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
  });

  const controls = make("div", "switches");
  if (names.length > 1) {
    const choices = names.map((name, n) => {
      const radio = make("input", "");
      Object.assign(radio, { type: "radio", name: "tree-scores", checked: n === 0, autocomplete: "off" });
      radio.addEventListener("change", () => { view.name = name; show(); });
      return make("label", "", radio, name);
    });
    controls.append(make("fieldset", "switch", make("legend", "", "Scores of"), choices));
  }
  if (order.length > MOST_ROWS && hidable) {
    const tick = make("input", "");
    Object.assign(tick, { type: "checkbox", checked: false, autocomplete: "off" });
    tick.addEventListener("change", () => { view.every = tick.checked; seek(); show(); });
    controls.append(make("label", "", tick, `show ${plural(hidable, "row")} more that lead to no answer`));
  }
  seek();
  new ResizeObserver(() => {
    if (!box.clientWidth || box.clientWidth === view.width) return;
    const first = !view.width;
    view.width = box.clientWidth;
    show();
    if (first) readout.replaceChildren(...written(view.row, view.name, -1));
  }).observe(box);
  return make("div", "grown", make("h3", "", "Tree"), make("p", "soft", `${summary(order, chosen)} Point at a row to read it, click to open it; or use the arrow keys and Enter.`), controls, box, pages, keys, make("div", "below", readout, make("div", "", beside)));
}
