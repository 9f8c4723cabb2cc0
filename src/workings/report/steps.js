// The steps of a trace: what they say, how much the answer hangs on each, how surprising their tokens are.
const LEVELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const HOT = 5;

function folded(name, ...content) {
  return make("details", "trace", make("summary", "", name), ...content);
}

// A step's shade: blue where it adds to the log-odds of the stated answer, orange where it takes away, full at 5 nats.
const tint = (nats) => `color-mix(in srgb, var(--${nats < 0 ? "wrong" : "right"}) ${Math.round(45 * Math.min(1, Math.abs(nats) / HOT))}%, transparent)`;
const signed = (nats) => (nats > 0 ? "+" : nats < 0 ? "\u2212" : "") + Math.abs(nats).toFixed(2);

function warm(item, nats) {
  if (nats === null || nats === undefined) return;
  const told = nats === "inf" ? "no finite importance" : `${signed(nats)} nats`;
  if (nats !== "inf") item.style.backgroundColor = tint(nats);
  item.dataset.nats = nats;
  item.tabIndex = 0;
  item.title = `Importance: ${told}`;
  item.append(make("span", "nats", told));
}

// The legend of the shades beside the share of the stated answer at each cut, which is where they come from.
function hinge(heat) {
  const across = (at, row) => (100 * at) / Math.max(1, row.length - 1), down = (share) => 2 + 26 * (1 - share);
  const path = (row, name) => shape("path", { class: name, d: row.map((share, at) => `${at ? "L" : "M"}${across(at, row).toFixed(2)} ${down(share).toFixed(2)}`).join("") });
  const last = heat.shares[heat.shares.length - 1];
  const said = `The share of the stated answer goes from ${heat.shares[0].toFixed(2)} without the chain to ${last.toFixed(2)} behind it`;
  const spark = shape("svg", { viewBox: "0 0 100 30", preserveAspectRatio: "none", class: "spark", role: "img", "aria-label": said },
    path([0, 0], "foot"), path(heat.shuffled, "behind shuffled"), path(heat.shares, "line"));
  const scale = make("span", "scale", [-HOT, -HOT / 2, 0, HOT / 2, HOT].map((nats) => {
    const patch = make("i");
    patch.style.backgroundColor = tint(nats);
    return patch;
  }));
  return make("div", "hinge",
    make("p", "soft", "How much the answer hangs on each step: what the step adds to the log-odds of ", make("b", "", heat.answer.slice(0, 40)),
      ` (nats), when the chain is cut there and the answer asked for. Point at a step, or move to it with the Tab key.`),
    make("div", "gauge", make("span", "soft", "takes away \u22125"), scale, make("span", "soft", "+5 adds"),
      spark, make("span", "soft", `${said.replace("The share of the stated answer goes", "share")}; pale: steps shuffled`)));
}

function steps(trace) {
  const [text, cut] = trace.text;
  const scores = Object.entries(trace.scores || {}).filter(([, values]) => values.length > 1);
  const items = [];
  let at = 0;
  const gap = (upTo) => {
    if (text.slice(at, upTo).trim()) items.push(make("li", "gap", text.slice(at, upTo).trim()));
  };
  trace.steps.forEach(([start, end], number) => {
    gap(start);
    const item = make("li", "", text.slice(start, end).trim());
    item.value = number + 1;
    if (trace.heat) warm(item, trace.heat.steps[number]);
    for (const [name, values] of scores) if (number < values.length) item.append(make("small", "", `${name} ${values[number]}`));
    items.push(item);
    at = Math.max(at, end);
  });
  gap(text.length);
  const parts = [...(trace.heat ? [hinge(trace.heat)] : []), make("ol", trace.heat ? "steps warmed" : "steps", items.length ? items : make("li", "gap", "(empty)"))];
  if (cut) parts.push(make("p", "soft", `${plural(cut, "more character")} left out here.`));
  return parts;
}

function surprise(trace) {
  if (!trace.surprise) return [];
  const levels = [...trace.surprise].map((letter) => LEVELS.indexOf(letter) / 8);
  const caption = make("p", "soft", `Log-probability of each token (taller is less likely, top of the strip 4 nats); mean ${trace.mean} nats a token.`);
  const strip = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  strip.setAttribute("viewBox", `0 0 ${levels.length} 40`);
  strip.setAttribute("preserveAspectRatio", "none");
  strip.setAttribute("class", "seismograph");
  strip.setAttribute("role", "img");
  strip.setAttribute("aria-label", `Log-probabilities of ${levels.length} tokens, mean ${trace.mean} nats`);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", levels.map((nats, i) => `M${i + 0.5} 40V${(40 - Math.min(4, nats) * 10).toFixed(2)}`).join(""));
  strip.append(path);
  if (!trace.tokens) return [strip, caption];
  const tokens = trace.tokens.map((token, i) => {
    const span = make("span", "", token);
    const nats = levels[i] || 0;
    if (nats >= 0.125) span.style.backgroundColor = `color-mix(in srgb, var(--wrong) ${Math.min(75, Math.round(nats * 18))}%, transparent)`;
    span.title = `${(-nats).toFixed(2)} nats`;
    return span;
  });
  return [strip, caption, folded("Tokens, shaded by surprise", make("p", "heat", tokens))];
}
