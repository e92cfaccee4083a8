// The page itself: one program at a time, a range and a cursor on the clock, panels, and keys.

let program, streams = [], view = {from: 0, to: 1}, cursor = 0, whole = 1, generation = 0;
let colours = null, isReady = false;

const colour = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

const pause = () => new Promise(resolve => setTimeout(resolve));

async function show(index) {
  const mine = ++generation;
  isReady = false;
  program = data.programs[index];
  [...$("programs").children].forEach((button, i) => button.setAttribute("aria-pressed", String(i === index)));
  $("title").textContent = `${program.name}: ${program.isa} ${program.variant}`;
  $("headline").textContent = program.headline;
  streams = [];
  $("canvases").replaceChildren();
  $("engines").replaceChildren();
  delete document.documentElement.dataset.ready;
  const shared = new Map();
  for (const engine of program.engines) {
    if (engine.stop === undefined) {
      $("canvases").append(make("p", `${engine.kind}: not run: ${engine.lack || "no reason is known"}`, "lack"));
    }
    if (!engine.stream && engine.sameAs === undefined) continue;
    let stream = shared.get(engine.sameAs);
    if (!stream) {
      stream = new Stream(engine, program);
      const done = () => generation !== mine || stream.unpack(20000);
      while (!done()) {
        $("where").textContent =
          `reading the trace of the ${engine.kind}: ${Math.floor(100 * stream.count / Math.max(stream.all, 1))} %`;
        await pause();
      }
      if (generation !== mine) return;
      stream.finish();
      await pause();
      stream.makeRows();
      await pause();
      if (generation !== mine) return;
    }
    shared.set(engine.kind, stream);
    lane(engine, stream);
  }
  whole = Math.max(1, ...streams.map(s => s.stream.end));
  view = {from: 0, to: whole};
  cursor = 0;
  colours = null;
  isReady = true;
  tables();
  draw();
  $("legend").replaceChildren(...legend(streams, program, colours));
  document.documentElement.dataset.ready = String(index);
}

function tables() {
  const go = clock => { lookAt(clock); $("lanes").scrollIntoView(); $("canvases").focus({preventScroll: true}); };
  $("verdicts").replaceChildren(verdictTable(program));
  $("s-check").hidden = !program.check;
  $("check").replaceChildren(...(program.check ? [conditions(program.check, streams, go)] : []));
  $("exits").replaceChildren(...exitTables(program, causeColours(streams)));
  $("s-exits").hidden = !$("exits").children.length;
  const box = $("divergences");
  box.replaceChildren();
  for (const d of program.divergences) {
    const text = make("pre", d.text);
    text.tabIndex = 0;
    text.setAttribute("role", "region");
    text.setAttribute("aria-label", `${d.engine} against ${d.against}`);
    box.append(make("h3", `${d.engine} differs from ${d.against}: ${d.field}`),
      clockButton(d.clock, `go to clock ${grouped(d.clock)}`, go), text);
  }
  $("s-divergence").hidden = !program.divergences.length;
  $("s-classes").hidden = !program.classes;
  $("classes").replaceChildren(...(program.classes ? classesPart(program, streams, go) : []));
}

function lane(engine, stream) {
  const canvas = make("canvas");
  canvas.height = 10;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${engine.kind} (${engine.flavour}): ${grouped(stream.all)} events; `
    + stream.rows.map(row => `${row.name} ${grouped(row.total)}`).join(", "));
  $("canvases").append(canvas);
  const panel = make("article", undefined, "engine");
  panel.append(make("h3", `${engine.kind} (${engine.flavour})`));
  if (engine.note) panel.append(make("p", engine.note, "faint"));
  if (!engine.hasRegisters)
    panel.append(make("p", "This machine's trace has events only: no registers, no instructions between them.", "faint"));
  const place = make("p"), missing = make("p", undefined, "bad"), source = make("pre", undefined, "source"), registers = make("div", undefined, "registers");
  const listing = make("table", undefined, "listing"), others = make("details");
  others.append(make("summary", "registers that never change here"));
  others.addEventListener("toggle", () => {
    if (!others.open || others.children.length > 1) return;
    const list = make("div", undefined, "registers"), state = stream.stateAfter(0);
    program.registers.forEach((name, number) => {
      if (streams.some(other => other.stream.everChanged.has(number))) return;
      const cell = make("div");
      cell.append(make("span", name), make("span", hex(state.low[number], state.high[number])));
      list.append(cell);
    });
    others.append(list);
  });
  panel.append(missing, place, source, registers, listing, others);
  panel.tabIndex = 0;
  panel.setAttribute("aria-label", `${engine.kind} at the cursor`);
  $("engines").append(panel);
  streams.push({engine, stream, canvas, missing, place, source, registers, listing, others});
  canvas.addEventListener("wheel", event => {
    event.preventDefault();
    zoom(event.deltaY < 0 ? 0.8 : 1.25, timeAt(canvas, event.offsetX));
  }, {passive: false});
  let held = null;
  canvas.addEventListener("pointerdown", event => {
    held = {x: event.offsetX, from: view.from, to: view.to, moved: false};
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", event => {
    if (!held) return;
    const shift = (held.x - event.offsetX) / (canvas.clientWidth - gutter(canvas)) * (held.to - held.from);
    if (Math.abs(held.x - event.offsetX) > 3) held.moved = true;
    if (held.moved) look(held.from + shift, held.to + shift);
  });
  canvas.addEventListener("pointerup", event => {
    if (held && !held.moved) moveTo(Math.round(timeAt(canvas, event.offsetX)));
    held = null;
  });
  canvas.addEventListener("pointercancel", () => { held = null; });
}
const timeAt = (canvas, x) =>
  view.from + Math.max(x - gutter(canvas), 0) / (canvas.clientWidth - gutter(canvas)) * (view.to - view.from);

function look(from, to) {
  const width = Math.min(Math.max(to - from, 8), whole);
  from = Math.min(Math.max(from, 0), whole - width);
  view = {from, to: from + width};
  schedule();
}
/// The surroundings of a clock, with the cursor there.
function lookAt(clock) {
  look(clock - 60, clock + 60);
  moveTo(clock);
}
function zoom(factor, centre = cursor) {
  const width = (view.to - view.from) * factor, share = (centre - view.from) / (view.to - view.from);
  look(centre - share * width, centre + (1 - share) * width);
}
function moveTo(clock) {
  cursor = Math.min(Math.max(clock, 0), whole);
  if (cursor < view.from || cursor > view.to) {
    const half = (view.to - view.from) / 2;
    look(cursor - half, cursor + half);
  }
  schedule();
}
let waiting = false;
function schedule() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; draw(); });
}

function draw() {
  // A trace that is still being read cannot be drawn.
  if (!isReady) return;
  if (!colours) {
    colours = {order: causeColours(streams), causes: []};
    for (const name of ["ink", "faint", "line", "panel", "accent", "bad", "supervisor", "user", "device", "plain"])
      colours[name] = colour(name);
    for (let number = 0; number < PALETTE; number++) colours.causes.push(colour("c" + number));
  }
  const scene = {view, cursor, colours, divergences: program.divergences};
  streams.forEach((row, index) => drawLane(row, scene, index === 0));
  panels();
  const slider = $("canvases");
  slider.setAttribute("aria-valuemax", String(whole));
  slider.setAttribute("aria-valuenow", String(cursor));
  slider.setAttribute("aria-valuetext", `clock ${cursor}`);
  $("goto").placeholder = String(cursor);
}

function panels() {
  const first = streams[0], states = streams.map(row => {
    const event = row.stream.eventAt(cursor);
    return {event, ...row.stream.stateAfter(event)};
  });
  streams.forEach((row, index) => panel(row, states[index], index, first, states[0]));
  const at = states.findIndex(state => state.event >= 0);
  const site = at < 0 ? null : program.sites[streams[at].stream.site[states[at].event]];
  $("where").textContent = `clock ${grouped(cursor)} of ${grouped(whole)}`
    + (site && site.place ? ` · ${site.place}` : "");
  memory(states);
}

function panel(row, state, index, first, firstState) {
  const {stream} = row, here = state.event < 0 ? null : program.sites[stream.site[state.event]];
  // The state is that of the last instruction that the page has.
  const last = state.event < 0 ? 0 : stream.clock[state.event];
  row.missing.textContent = cursor > stream.end ? `ended at clock ${grouped(stream.end)}`
    : row.engine.hasRegisters && last < cursor ? `not on this page one by one: this is clock ${grouped(last)}` : "";
  row.missing.hidden = !row.missing.textContent;
  row.place.textContent = here ? `${here.pc}  ${here.place || ""}` : "before the first event";
  row.source.textContent = here && here.source ? here.source : "";
  row.source.hidden = !row.source.textContent;
  const cells = program.registers.map((name, number) => {
    // The program counter is told by the place; traces do not have it as a register.
    if (["pc", "rip", "eip", "ip"].includes(name)) return null;
    if (!streams.some(other => other.stream.everChanged.has(number))) return null;
    const cell = make("div");
    cell.append(make("span", name), make("span", hex(state.low[number], state.high[number])));
    if (state.changed.has(number)) cell.className = "changed";
    if (index > 0 && row.engine.hasRegisters && first.engine.hasRegisters
      && (state.low[number] !== firstState.low[number] || state.high[number] !== firstState.high[number]))
      cell.className = "differs";
    return cell;
  });
  row.registers.replaceChildren(...(row.engine.hasRegisters ? cells.filter(cell => cell) : []));
  row.others.hidden = !row.engine.hasRegisters;
  const body = make("tbody");
  const from = Math.max(state.event - 5, 0), to = Math.min(Math.max(state.event, 0) + 6, stream.count);
  for (let event = from; event < to; event++) {
    const line = make("tr"), at = program.sites[stream.site[event]] || {};
    if (event === state.event) line.className = "here";
    if (program.divergences.some(d => d.engine === row.engine.kind && d.clock === stream.clock[event]
      && d.pc === at.pc)) line.className += " wrong";
    const what = make("td", stream.text(event)), effects = stream.effects(event);
    if (effects) what.append(make("div", effects, "effects"));
    const place = make("td", at.place || "", "faint");
    if (at.source) place.append(make("div", at.source, "line"));
    line.append(make("td", grouped(stream.clock[event])), make("td", at.pc || ""), what, place);
    body.append(line);
  }
  row.listing.replaceChildren(body);
}

/// The storage that was written last, side by side.
function memory(states) {
  const knowing = streams.map((row, index) => ({row, state: states[index]})).filter(({row}) => row.engine.hasMemory);
  $("s-memory").hidden = !knowing.length;
  if (!knowing.length) return;
  const addresses = new Map();
  for (const {row, state} of knowing)
    for (const [address, write] of row.stream.lastWrites(state.event, 8))
      addresses.set(address, Math.max(addresses.get(address) || 0, write.clock));
  const newest = [...addresses].sort((a, b) => b[1] - a[1]).slice(0, 10);
  const rows = newest.map(([address]) => {
    const writes = knowing.map(({row, state}) => row.stream.lastWrite(state.event, address));
    return [address, ...writes.map((write, index) => {
      const base = writes[0], cell = make("span");
      cell.textContent = write ? `${write.value} /${write.size}, clock ${grouped(write.clock)}` : "not written";
      if (write && write.isNew && write.event === knowing[index].state.event) cell.className = "changed";
      if (index > 0 && (!write !== !base || (write && write.value !== base.value))) cell.className = "differs";
      return cell;
    })];
  });
  $("memory").replaceChildren(rows.length
    ? table("storage written last", ["address", ...knowing.map(({row}) => row.engine.kind)], rows)
    : make("p", "Nothing has been written yet.", "faint"));
}

// --- Keys.
function neighbour(direction) {
  let best = null;
  for (const {stream} of streams) {
    const clocks = stream.notableClock;
    const k = direction > 0 ? lowerBound(clocks, cursor + 1) : lowerBound(clocks, cursor) - 1;
    if (k >= 0 && k < clocks.length && (best === null || direction * (clocks[k] - best) < 0)) best = clocks[k];
  }
  if (best !== null) moveTo(best);
}
function goToDivergence(divergence = program.divergences[0]) {
  if (divergence) lookAt(divergence.clock); else $("where").textContent = "These machines do not differ.";
}
function help() {
  const box = $("help");
  if (box.open) box.close(); else box.showModal();
}
const page = () => Math.max(Math.round((view.to - view.from) / 2), 1);
const actions = {
  first: () => moveTo(0), last: () => moveTo(whole), step: () => moveTo(cursor + 1), back: () => moveTo(cursor - 1),
  nextPage: () => moveTo(cursor + page()), previousPage: () => moveTo(cursor - page()),
  nextEvent: () => neighbour(1), previousEvent: () => neighbour(-1), zoomIn: () => zoom(0.5), zoomOut: () => zoom(2),
  fit: () => look(0, whole), divergence: () => goToDivergence(), help,
  goto: () => $("goto").focus(),
  nextProgram: () => otherProgram(1), previousProgram: () => otherProgram(-1),
};
function otherProgram(step) {
  const count = data.programs.length, now = data.programs.indexOf(program);
  if (count > 1) show((now + step + count) % count);
}
const keys = {ArrowRight: "step", ArrowLeft: "back", n: "nextEvent", p: "previousEvent", "+": "zoomIn", "=": "zoomIn",
  "-": "zoomOut", "0": "fit", d: "divergence", Home: "first", End: "last", "?": "help", g: "goto",
  "]": "nextProgram", "[": "previousProgram"};
// These scroll the page, unless the time line has the focus.
const laneKeys = {PageDown: "nextPage", PageUp: "previousPage"};
document.addEventListener("keydown", event => {
  if (event.target.tagName === "INPUT" || event.ctrlKey || event.metaKey || event.altKey) return;
  const onLanes = event.target === $("canvases");
  const action = keys[event.key] || (onLanes ? laneKeys[event.key] : undefined);
  if (!action || (!isReady && !["help", "nextProgram", "previousProgram"].includes(action))) return;
  if ($("help").open && action !== "help") return;
  event.preventDefault();
  actions[action]();
});
document.querySelectorAll("[data-do]").forEach(button => button.addEventListener("click", () => {
  if (isReady || button.dataset.do === "help") actions[button.dataset.do]();
}));
$("goto").addEventListener("change", event => {
  const text = event.target.value.replace(/[,_\s]/g, ""), clock = Number(text);
  if (text && Number.isFinite(clock) && isReady) moveTo(Math.round(clock));
});
$("goto").addEventListener("keydown", event => { if (event.key === "Escape") $("canvases").focus(); });
$("keys").append(table("keys", ["key", "does"], [["→ ←", "one instruction on or back"],
  ["n p", "next or previous event of any machine"], ["d", "first divergence"],
  ["+ − 0", "zoom in, zoom out, whole run (also the mouse wheel)"], ["Home End", "start, end"],
  ["Page Up, Page Down", "half a window back or on, when the time line has the focus"], ["g", "type a clock"],
  ["] [", "next or previous program"], ["Tab", "next control; the time line is one"],
  ["drag, click", "move the view, set the cursor"], ["? or Esc", "close this"]]));
window.addEventListener("resize", schedule);
const restyled = () => { colours = null; if (program) draw(); };
window.addEventListener("beforeprint", restyled);
window.addEventListener("afterprint", restyled);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", restyled);
matchMedia("print").addEventListener("change", restyled);

data.programs.forEach((each, index) => {
  const button = make("button", each.name, each.failed ? "failed" : undefined);
  button.addEventListener("click", () => show(index));
  $("programs").append(button);
});
$("programs").hidden = data.programs.length < 2;
document.title = data.title;
show(Math.max(data.programs.findIndex(each => each.failed), 0));
