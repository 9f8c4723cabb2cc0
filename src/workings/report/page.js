(() => {
  const PAGE = 50;
  const [ID, METHOD, INDEX, OUTCOME, FAMILY, LENGTH, ANSWER, GOLD, TOKENS, SPLIT, QUESTION, CHUNK, PLACE] = Array(13).keys();
  const find = (id) => document.getElementById(id);

  for (const figure of document.querySelectorAll("[data-readout]")) {
    const out = find(figure.dataset.readout);
    const tell = (event) => {
      const point = event.target.closest("[data-says]");
      if (point) out.textContent = point.dataset.says;
    };
    figure.addEventListener("pointerover", tell);
    figure.addEventListener("focusin", tell);
  }

  const reader = find("reader");
  if (!reader) return;
  const methods = JSON.parse(find("methods").textContent);
  const state = { rows: [], shown: [], page: 0, open: null, texts: new Map(), turn: 0 };

  async function unpack(id) {
    const packed = Uint8Array.from(atob(find(id).textContent.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  }
  // A branch is packed without what it shares with its parent.
  function joined(attempts) {
    for (const { pool = [] } of attempts) {
      for (const trace of pool) if (trace.shared) trace.text[0] = pool[trace.parent].text[0].slice(0, trace.shared) + trace.text[0];
    }
    return attempts;
  }
  const recent = new Map();
  function chunk(number) {
    let found = recent.get(number);
    if (!found) found = unpack(`chunk-${number}`).then(joined);
    recent.delete(number);
    recent.set(number, found);
    if (recent.size > 6) recent.delete(recent.keys().next().value);
    return found;
  }

  const title = (row) => `${row[ID]}${row[INDEX] ? ` #${row[INDEX]}` : ""}`;
  const address = (row) => "#attempt=" + [row[ID], methods[row[METHOD]], row[INDEX]].map(encodeURIComponent).join("/");
  const control = (name) => find(`filter-${name}`);
  const wanted = (name) => (control(name) ? control(name).value : "");

  function holds(row, needle) {
    return [row[ID], row[QUESTION], row[ANSWER], row[GOLD]].some((text) => text.toLowerCase().includes(needle));
  }
  function everything(attempt) {
    const texts = [attempt.question ? attempt.question[0] : ""];
    for (const trace of attempt.pool || []) texts.push(trace.text[0], trace.thinking ? trace.thinking[0] : "");
    return texts.join("\n").toLowerCase();
  }

  async function select() {
    const turn = ++state.turn;
    const [method, outcome, family, length] = ["method", "outcome", "family", "length"].map(wanted);
    const needle = wanted("text").trim().toLowerCase();
    const split = control("split") && control("split").checked;
    let rows = state.rows.filter((row) =>
      (!method || row[METHOD] === Number(method)) && (!outcome || row[OUTCOME] === outcome) &&
      (!family || row[FAMILY] === family) && (!length || String(row[LENGTH]) === length) && (!split || row[SPLIT]));
    if (needle && control("inside").checked) {
      const kept = new Set();
      const groups = Map.groupBy ? Map.groupBy(rows, (row) => row[CHUNK]) : group(rows);
      let done = 0;
      for (const [number, members] of groups) {
        find("position").textContent = `searching ${++done} of ${groups.size}…`;
        const attempts = await chunk(number);
        if (turn !== state.turn) return;
        for (const row of members) if (holds(row, needle) || everything(attempts[row[PLACE]]).includes(needle)) kept.add(row);
      }
      rows = rows.filter((row) => kept.has(row));
    } else if (needle) {
      rows = rows.filter((row) => holds(row, needle));
    }
    state.shown = rows;
    state.page = 0;
    list();
  }
  function group(rows) {
    const groups = new Map();
    for (const row of rows) groups.set(row[CHUNK], [...(groups.get(row[CHUNK]) || []), row]);
    return groups;
  }

  function list() {
    const from = state.page * PAGE;
    const rows = state.shown.slice(from, from + PAGE);
    find("listing").replaceChildren(...rows.map((row) => {
      const chip = make("i", `chip ${row[OUTCOME]}`);
      const button = make("button", "", chip, make("span", "name", title(row)), make("span", "soft", methods[row[METHOD]]),
        make("span", "under", row[OUTCOME] === "right" ? `right: ${row[ANSWER]}` :
          `${row[OUTCOME]}: ${row[ANSWER] || "no answer"}${row[GOLD] ? `, gold ${row[GOLD]}` : ""}`, ` · ${plural(row[TOKENS], "token")} · ${row[QUESTION]}`));
      button.type = "button";
      button.dataset.row = state.rows.indexOf(row);
      if (row === state.open) button.setAttribute("aria-current", "true");
      return make("li", "", button);
    }));
    find("listing").scrollTop = 0;
    find("previous").disabled = state.page === 0;
    find("next").disabled = from + PAGE >= state.shown.length;
    find("position").textContent = state.shown.length
      ? `${count(from + 1)}–${count(from + rows.length)} of ${plural(state.shown.length, "attempt")}` : "No attempt fits these filters.";
  }

  const fact = (name, value) => make("div", "", make("dt", "", name), make("dd", "", value));
  function said(cut, className) {
    const text = make("p", `said ${className || ""}`, cut[0]);
    return cut[1] ? make("div", "", text, make("p", "soft", `${plural(cut[1], "more character")} left out here.`)) : text;
  }
  function votes(choice, row) {
    const most = Math.max(...choice.weights.map(([, weight]) => Math.abs(weight)), 1e-9);
    const bars = choice.weights.flatMap(([answer, weight], at) => {
      const judged = choice.outcomes && choice.outcomes[at];
      const bar = make("i", answer === row[ANSWER] ? "won" : "");
      bar.style.width = `${Math.max(0.5, (100 * Math.abs(weight)) / most)}%`;
      return [make("span", "name", judged ? make("i", `chip ${judged}`) : null, answer), bar, make("span", "", String(Number(weight.toPrecision(4))))];
    });
    const notes = [`Rule: ${choice.rule}.`];
    if (choice.abstained) notes.push(`${plural(choice.abstained, "chain")} without an answer did not vote.`);
    if (choice.tied) notes.push("A tie was broken by the seed.");
    if (choice.more) notes.push(`${plural(choice.more, "more answer")} not drawn.`);
    return [make("h3", "", "How the answer was chosen"), make("div", "votes", bars), make("p", "soft", notes.join(" "))];
  }

  function trace(item, number, chosen, alone) {
    const tokens = item.usage[2] + item.usage[3] + item.usage[4];
    const about = [`→ ${answered(item.answer)}`, plural(item.steps.length, "step"), plural(tokens, "token"), `stop: ${item.stop}`];
    if (item.role !== "chain") about.unshift(item.role);
    if (item.parent !== undefined) about.push(`branched from ${item.parent + 1} at character ${item.branch}`);
    for (const [name, values] of Object.entries(item.scores || {})) if (values.length === 1) about.push(`${name} ${values[0]}`);
    const box = make("details", chosen ? "trace chosen" : "trace",
      make("summary", "", `Trace ${number + 1}${chosen ? ", chosen" : ""}`, make("span", "soft", about.join(" · "))));
    box.id = `trace-${number + 1}`;
    const fill = () => {
      if (box.dataset.filled) return;
      box.dataset.filled = "yes";
      if (item.thinking) box.append(folded(`Thinking, ${plural(item.thinking[0].length + item.thinking[1], "character")}`, said(item.thinking, "plain")));
      box.append(...steps(item), ...surprise(item));
    };
    box.addEventListener("toggle", () => box.open && fill());
    if (chosen || alone) { fill(); box.open = true; }
    return box;
  }

  // Opens a trace of the attempt that is shown, and moves there.
  function pick(number) {
    const box = find(`trace-${number + 1}`);
    for (const before of find("shown").querySelectorAll(".trace.picked")) before.classList.remove("picked");
    box.classList.add("picked");
    box.open = true;
    box.firstElementChild.focus({ preventScroll: true });
    box.scrollIntoView({ block: "nearest" });
  }

  function beside(row) {
    const same = state.rows.filter((other) => other[ID] === row[ID] && other !== row);
    if (!same.length) return [];
    return [make("p", "soft", "Same problem: ", same.slice(0, 12).flatMap((other, i) => {
      const link = make("a", "", `${methods[other[METHOD]]}${other[INDEX] ? ` #${other[INDEX]}` : ""} (${other[OUTCOME]})`);
      link.href = address(other);
      return [i ? ", " : "", link];
    }))];
  }

  function draw(row, attempt) {
    const pool = attempt.pool || [];
    const [prompt, cached, generated, verifier, probe, calls] = attempt.spent;
    const parts = [
      make("h3", "", make("span", "name", title(row)), " by ", make("span", "name", methods[row[METHOD]])),
      ...beside(row),
      make("p", "", make("i", `chip ${row[OUTCOME]}`), make("span", "verdict", row[OUTCOME]), `: ${attempt.answer ? answered(attempt.answer) : "no solution"}`, row[GOLD] ? `; gold ${row[GOLD]}` : "; no gold answer"),
    ];
    if (attempt.failure) parts.push(make("p", "warn said", `${attempt.failure[0]}: ${attempt.failure[1]}`, attempt.failure[2] ? `\n${attempt.failure[2]}` : ""));
    if (attempt.partial) parts.push(make("p", "warn", `Stopped early: ${attempt.partial}`));
    parts.push(make("h3", "", "Question"), attempt.question ? said(attempt.question) : make("p", "soft", "This problem is not in the record."));
    if (attempt.choices && attempt.choices.length) parts.push(make("ol", "options", attempt.choices.map((c) => make("li", "", c))));
    parts.push(make("dl", "facts", fact("confidence", attempt.confidence === null || attempt.confidence === undefined ? "none given" : attempt.confidence.toFixed(3)),
      fact("generated", plural(generated, "token")), fact("prompt, new + cached", `${count(prompt)} + ${count(cached)}`),
      fact("verifier, probes", `${count(verifier)}, ${count(probe)}`), fact("calls", count(calls)), fact("seconds", String(attempt.seconds)),
      fact("family, length", `${row[FAMILY] || "none"}, ${row[LENGTH] === null ? "none" : row[LENGTH]}`), fact("seed", String(attempt.seed))));
    if (attempt.answer && attempt.answer[0]) parts.push(make("p", "soft", `Answer found as “${attempt.answer[0].slice(0, 200)}” (${attempt.answer[2]}).`));
    const chosen = attempt.choice ? attempt.choice.chosen : null;
    const chosenBy = attempt.choice && attempt.choice.weights.length ? votes(attempt.choice, row) : [];
    if (pool.length > 1) parts.push(drawTree(attempt, pick, ...chosenBy));
    else parts.push(...chosenBy);
    parts.push(make("h3", "", pool.length ? `${plural(pool.length, "trace")}, all that were made` : "No trace was recorded"));
    pool.map((item, i) => [i, item]).sort((a, b) => (b[0] === chosen) - (a[0] === chosen)).forEach(([i, item]) => parts.push(trace(item, i, i === chosen, pool.length === 1)));
    if (attempt.steps && attempt.steps.length) parts.push(folded("Gold steps", make("ol", "steps", attempt.steps.map((s) => make("li", "", s)))));
    if (attempt.prompt) parts.push(folded("Prompt of the first trace", said(attempt.prompt, "plain")));
    if (attempt.notes) parts.push(folded("Notes of the method", make("p", "said plain", attempt.notes)));
    find("shown").replaceChildren(...parts);
  }

  async function open(row, byUser) {
    state.open = row;
    for (const button of find("listing").querySelectorAll("button")) {
      if (state.rows[button.dataset.row] === row) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    const attempts = await chunk(row[CHUNK]);
    if (state.open !== row) return;
    draw(row, attempts[row[PLACE]]);
    find("attempt").scrollTop = 0;
    reader.classList.add("open");
    if (!byUser) return;
    history.replaceState(null, "", address(row));
    if (getComputedStyle(find("close")).display !== "none") { reader.scrollIntoView(); find("close").focus(); }
  }
  function follow() {
    if (!location.hash.startsWith("#attempt=")) return;
    const row = state.rows.find((candidate) => address(candidate) === location.hash);
    if (row) open(row, false).then(() => reader.scrollIntoView());
  }

  function turn(by) { state.page += by; list(); }
  find("previous").addEventListener("click", () => turn(-1));
  find("next").addEventListener("click", () => turn(1));
  find("close").addEventListener("click", () => {
    reader.classList.remove("open");
    const current = find("listing").querySelector("[aria-current]");
    if (current) current.focus();
  });
  find("listing").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) open(state.rows[button.dataset.row], true);
  });
  find("listing").addEventListener("keydown", (event) => {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    const item = step && event.target.closest("li") && event.target.closest("li")[step];
    if (item) { event.preventDefault(); item.firstElementChild.focus(); }
  });
  let pause = 0;
  for (const field of find("filters").querySelectorAll("select, input")) {
    field.addEventListener("input", () => { clearTimeout(pause); pause = setTimeout(select, field.type === "search" ? 150 : 0); });
  }
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", follow);

  if (typeof DecompressionStream === "undefined") {
    find("position").textContent = "This browser cannot unpack the attempts; one made since 2023 can.";
    return;
  }
  unpack("index").then((rows) => {
    state.rows = rows;
    state.shown = rows;
    list();
    follow();
    if (!state.open && rows.length && getComputedStyle(find("close")).display === "none") open(rows[0], false);
    reader.dataset.ready = "yes";
  });
})();
