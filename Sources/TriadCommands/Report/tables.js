// Tables and diagrams under the lanes.

function table(name, head, rows, numbers = []) {
  const box = make("div", undefined, "wide"), node = make("table"), top = make("thead"), line = make("tr");
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", name);
  head.forEach((text, i) => {
    const cell = make("th", text, numbers.includes(i) ? "number" : undefined);
    cell.scope = "col";
    line.append(cell);
  });
  top.append(line);
  const body = make("tbody");
  for (const row of rows) {
    const line = make("tr");
    row.forEach((cell, i) => {
      const td = make(i ? "td" : "th", undefined, numbers.includes(i) ? "number" : undefined);
      if (!i) td.scope = "row";
      td.append(cell instanceof Node ? cell : String(cell));
      line.append(td);
    });
    body.append(line);
  }
  node.append(top, body);
  box.append(node);
  return box;
}
const sign = item => item.failed ? "✗ " : item.passed ? "✓ " : "";
const verdict = item => {
  const node = make("span", sign(item) + item.word + (item.reason ? ": " + item.reason : ""));
  node.className = item.failed ? "bad" : item.passed ? "good" : "faint";
  return node;
};
function bar(parts, colour) {
  const node = make("div", undefined, "bar");
  node.setAttribute("aria-hidden", "true");
  parts.forEach((share, i) => {
    const part = make("b", undefined, i ? "second" : undefined);
    part.style.width = 100 * share + "%";
    if (colour) part.style.background = colour;
    node.append(part);
  });
  return node;
}
/// A button that leads to a clock.
function clockButton(clock, text, go) {
  const button = make("button", text || grouped(clock), "place");
  button.addEventListener("click", () => go(clock));
  return button;
}
function list(items) {
  const node = make("ul");
  for (const item of items) {
    const entry = make("li");
    entry.append(item);
    node.append(entry);
  }
  return node;
}

function verdictTable(program) {
  return table("verdicts by engine",
    ["engine", "retired", "time ms", "ended", "equivalence", "control", "efficiency", "trace on this page"],
    program.engines.map(e => e.stop === undefined
      ? [`${e.kind}: not run`, "–", "–", "–", verdict(e.equivalence), verdict(e.control), verdict(e.efficiency), "none"]
      : [`${e.kind} (${e.flavour})`, e.retired ? grouped(e.retired) : "not counted", e.milliseconds.toFixed(2), e.stop,
        verdict(e.equivalence), verdict(e.control), verdict(e.efficiency), e.extent]), [1, 2]);
}

/// A check's conditions, each with evidence, and buttons that lead to the places on the lanes.
function conditions(check, streams, go) {
  const box = make("div");
  box.append(make("p", `${check.machine} against the bare machine, the ${check.against}.`, "faint"));
  for (const condition of check.conditions) {
    const part = make("article", undefined, "condition");
    part.append(make("h3", condition.name), make("p", condition.meaning, "faint"));
    const line = make("p");
    line.append(verdict(condition.verdict));
    part.append(line);
    const places = make("p", undefined, "places");
    for (const place of condition.places) {
      const row = streams.find(row => row.engine.kind === place.engine);
      const clock = place.clock !== undefined ? place.clock : row ? row.stream.first(place.kind, place.pc) : null;
      if (clock !== null) places.append(clockButton(clock, `${place.text} (clock ${grouped(clock)})`, go));
    }
    if (places.children.length) part.append(places);
    if (condition.evidence.length) part.append(list(condition.evidence));
    box.append(part);
  }
  return box;
}

function exitTables(program, order) {
  const parts = [];
  for (const e of program.engines) {
    const causes = Object.entries(e.exitCounts).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    if (!causes.length && e.direct === undefined) continue;
    parts.push(make("h3", `${e.kind} (${e.flavour})`));
    if (e.direct !== undefined) {
      parts.push(table("instructions that ran directly", ["instructions", "share", "as a bar"], [
        ["run directly", (100 * e.direct).toFixed(2) + " %", bar([e.direct, 0])],
        ["interpreted", (100 * (1 - e.direct)).toFixed(2) + " %", bar([0, 1 - e.direct])]], [1]));
    }
    const most = causes.length ? causes[0][1] : 1;
    if (causes.length) {
      parts.push(table("exits by cause", ["cause of an exit", "count", "per 1,000 instructions", "as a bar"],
        causes.map(([name, count]) => [name, grouped(count),
          program.retired ? (1000 * count / program.retired).toFixed(2) : "–", bar([count / most],
            order.has(name) ? `var(--c${order.get(name)})` : undefined)]), [1, 2]));
    }
  }
  return parts;
}

/// In which way an instruction is sensitive.
const kindOf = i => [i.control ? "control" : "", i.behaviour ? "behaviour" : ""].filter(Boolean).join(", ");

function classesDiagram(found) {
  const svgns = "http://www.w3.org/2000/svg";
  const element = (parent, name, attributes, text) => {
    const node = document.createElementNS(svgns, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    parent.append(node);
    return node;
  };
  const crux = found.instructions.filter(i => !i.privileged);
  // The names of what is sensitive stand beside the circles, a line for a few.
  const wrapped = names => {
    const lines = [];
    for (const name of names.length ? names : ["none"]) {
      const last = lines[lines.length - 1];
      if (last !== undefined && (last + name).length < 34) lines[lines.length - 1] += ", " + name;
      else lines.push(name);
    }
    return lines;
  };
  const sensitive = i => i.control || i.behaviour;
  const both = found.instructions.filter(i => i.privileged && sensitive(i));
  const lines = wrapped(crux.map(i => i.name)), others = wrapped(both.map(i => i.name));
  const height = Math.max(385, 96 + 17 * (lines.length + others.length));
  const svg = document.createElementNS(svgns, "svg");
  svg.setAttribute("viewBox", `0 0 820 ${height}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "Venn diagram of the privileged, control-sensitive and behaviour-sensitive "
    + `instructions; ${crux.length} are sensitive and not privileged. The table below has the same`);
  const rings = {privileged: {cx: 200, cy: 185, r: 160}, control: {cx: 370, cy: 124, r: 118},
    behaviour: {cx: 370, cy: 246, r: 118}};
  const mask = element(element(svg, "defs", {}), "mask", {id: "unprivileged"});
  element(mask, "rect", {x: 0, y: 0, width: 820, height, fill: "#fff"});
  element(mask, "circle", {...rings.privileged, fill: "#000"});
  const shade = element(svg, "g", {mask: "url(#unprivileged)"});
  for (const name of ["control", "behaviour"]) element(shade, "circle", {...rings[name], class: "crux"});
  for (const [name, ring] of Object.entries(rings)) element(svg, "circle", {...ring, class: "ring " + name});
  const at = (x, y, text, extra = {}) => element(svg, "text", {x, y, "text-anchor": "middle", ...extra}, text);
  at(90, 24, "privileged", {"font-weight": "bold"});
  at(515, 24, "control-sensitive", {"font-weight": "bold"});
  at(480, 380, "behaviour-sensitive", {"font-weight": "bold"});
  const count = (x, y, wanted) => at(x, y, String(found.instructions.filter(wanted).length), {class: "count"});
  count(125, 190, i => i.privileged && !sensitive(i));
  count(290, 104, i => i.privileged && i.control && !i.behaviour);
  count(308, 191, i => i.privileged && i.control && i.behaviour);
  count(290, 278, i => i.privileged && !i.control && i.behaviour);
  count(425, 94, i => !i.privileged && i.control && !i.behaviour);
  count(410, 191, i => !i.privileged && i.control && i.behaviour);
  count(425, 288, i => !i.privileged && !i.control && i.behaviour);
  element(svg, "text", {x: 8, y: 378}, `neither: ${found.innocuous} innocuous`);
  let y = 56;
  const named = (title, names, extra) => {
    element(svg, "text", {x: 530, y, "font-weight": "bold", ...extra}, title);
    for (const line of names) element(svg, "text", {x: 530, y: y += 17}, line);
    y += 27;
  };
  named(`sensitive, not privileged: ${crux.length}`, lines, {class: "bad"});
  named(`sensitive and privileged: ${both.length}`, others, {});
  return svg;
}

/// The classes: diagram, theorems, what breaks them, and every set by name.
function classesPart(program, streams, go) {
  const found = program.classes;
  const parts = [make("p", `${found.title}. ${found.note || ""}`, "faint"), classesDiagram(found)];
  parts.push(table("the theorems", ["theorem", "holds", "because"], found.theorems.map(t => [t.name,
    verdict({word: t.holds ? "yes" : "no", passed: t.holds, failed: !t.holds}),
    t.because + (t.offenders.length ? " " + t.offenders.join(", ") : "")])));
  // How often this run executed each instruction, and where first.
  const row = streams.find(row => row.engine.hasRegisters), counts = new Map();
  program.sites.forEach(({name}, site) => {
    if (!row || name === undefined || !row.stream.siteAll[site]) return;
    const sum = counts.get(name) || {all: 0, user: 0, first: Infinity, firstUser: Infinity}, {stream} = row;
    sum.all += stream.siteAll[site];
    sum.user += stream.siteUser[site];
    sum.first = Math.min(sum.first, stream.siteFirst[site]);
    if (stream.siteUser[site]) sum.firstUser = Math.min(sum.firstUser, stream.siteFirstUser[site]);
    counts.set(name, sum);
  });
  const used = name => {
    const sum = counts.get(name), cell = make("span");
    if (!row) return "not known";
    if (!sum) return "no";
    cell.append(`${grouped(sum.all)} time${sum.all === 1 ? "" : "s"}, ${grouped(sum.user)} in user mode; first `,
      clockButton(sum.user ? sum.firstUser : sum.first, undefined, go));
    return cell;
  };
  const crux = found.instructions.filter(i => !i.privileged);
  if (crux.length) {
    parts.push(make("h3", "sensitive and not privileged"), make("p",
      "A monitor that runs the guest in user mode never hears of these: they complete without a trap.", "faint"),
    table("sensitive and not privileged", ["instruction", "sensitive", "user-sensitive", "why", "in this run"],
      crux.map(i => [i.name, kindOf(i), i.user ? "yes" : "no", i.reasons, used(i.name)])));
  }
  const rest = make("details");
  const all = found.instructions.length + found.innocuous;
  rest.append(make("summary", `privileged instructions, and the sets by size (${all} instructions)`));
  const set = (name, wanted) => {
    const own = found.instructions.filter(wanted);
    return [name, own.length, own.reduce((sum, i) => sum + i.rows, 0), own.map(i => i.name).join(", ") || "none"];
  };
  rest.append(table("sets", ["set", "instructions", "rows of the table", "names"], [
    set("privileged and sensitive", i => i.privileged && (i.control || i.behaviour)),
    set("sensitive, not privileged", i => !i.privileged),
    set("privileged, not sensitive", i => i.privileged && !i.control && !i.behaviour),
    ["neither: innocuous", found.innocuous, found.innocuousRows, "all others"]], [1, 2]),
  table("privileged", ["instruction", "sensitive", "why", "in this run"],
    found.instructions.filter(i => i.privileged).map(i => [i.name, kindOf(i) || "no", i.reasons, used(i.name)])));
  parts.push(rest);
  return parts;
}
