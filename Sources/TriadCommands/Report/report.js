"use strict";
// The page of `triad compare --html`. All numbers come from the JSON in #data; traces are packed as
// Sources/TriadCommands/Report/ReportStream.swift says and unpacked here a slice at a time.
(() => {
  const $ = id => document.getElementById(id);
  const make = (tag, text, className) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (className) node.className = className;
    return node;
  };
  const data = JSON.parse($("data").textContent);
  const grouped = number => String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  const hex = (low, high) =>
    "0x" + (high ? high.toString(16) + low.toString(16).padStart(8, "0") : low.toString(16));

  // --- What kinds of records there are, and how lanes show them.
  const kinds = {1: "retire", 2: "trap", 3: "interrupt", 4: "device", 5: "halt", 32: "exit", 33: "emulate",
    34: "reflect", 35: "inject", 36: "schedule", 37: "shadow", 38: "hypercall", 48: "final", 49: "digest"};
  const classes = ["trap", "interrupt", "device", "halt", "exit", "emulate", "reflect", "inject", "shadow"];
  const classOf = {2: 0, 3: 1, 4: 2, 5: 3, 48: 3, 32: 4, 33: 5, 34: 6, 35: 7, 36: 8, 37: 8, 38: 4, 49: 3};
  const guestClasses = [0, 1, 2, 3], monitorClasses = [4, 5, 6, 7, 8];
  const KEYFRAME = 2048;

  /// One engine's trace, unpacked into columns.
  class Stream {
    constructor(packed, program) {
      const text = atob(packed.stream);
      this.bytes = new Uint8Array(text.length);
      for (let i = 0; i < text.length; i++) this.bytes[i] = text.charCodeAt(i);
      this.program = program;
      this.at = 0;
      const n = packed.events, m = packed.effects;
      this.all = n;
      this.count = 0;
      this.kind = new Uint8Array(n); this.mode = new Uint8Array(n); this.write = new Uint8Array(n);
      this.clock = new Float64Array(n); this.site = new Uint32Array(n); this.detail = new Int32Array(n).fill(-1);
      this.firstEffect = new Uint32Array(n + 1);
      this.effectKind = new Uint8Array(m); this.effectSize = new Uint8Array(m);
      this.effectWhat = new Uint32Array(m); this.effectWhatHigh = new Uint32Array(m);
      this.effectLow = new Uint32Array(m); this.effectHigh = new Uint32Array(m);
      this.effectCount = 0;
      // Of events that are no retired instruction: code, address, value, aux in low and high halves.
      this.details = [];
      this.notable = [];
      this.keyframes = [];
      this.registers = packed.initial.map(word => {
        const number = BigInt(word);
        return [Number(number & 0xffffffffn), Number(number >> 32n)];
      });
      this.low = Uint32Array.from(this.registers, pair => pair[0]);
      this.high = Uint32Array.from(this.registers, pair => pair[1]);
      this.previous = {clock: 0, site: -1, mode: 0, address: 0n};
      this.modes = [{clock: 0, mode: 0}];
      this.everChanged = new Set();
      this.lo = 0; this.hi = 0;
    }
    /// The next variable-length number, into `lo` and `hi`.
    number() {
      let lo = 0, hi = 0, shift = 0, byte;
      do {
        byte = this.bytes[this.at++];
        const bits = byte & 127;
        if (shift < 28) lo |= bits << shift;
        else if (shift === 28) { lo |= (bits & 15) << 28; hi |= bits >> 4; }
        else hi |= bits << (shift - 32);
        shift += 7;
      } while (byte & 128);
      this.lo = lo >>> 0; this.hi = hi >>> 0;
      return this.hi * 4294967296 + this.lo;
    }
    signed() {
      const value = this.number();
      return value % 2 ? -(value + 1) / 2 : value / 2;
    }
    /// Unpacks up to `limit` more events; true when there are no more.
    unpack(limit) {
      const end = Math.min(this.all, this.count + limit), previous = this.previous;
      for (; this.count < end; this.count++) {
        const i = this.count;
        if (i % KEYFRAME === 0) this.keyframes.push([this.low.slice(), this.high.slice()]);
        const tag = this.bytes[this.at++], flags = this.bytes[this.at++];
        const kind = tag & 63;
        this.kind[i] = kind;
        this.write[i] = flags >> 4 & 1;
        const mode = flags & 15;
        this.mode[i] = mode;
        if (kind === 1) previous.clock += 1; else previous.clock += this.signed();
        this.clock[i] = previous.clock;
        previous.site += this.signed() + 1;
        this.site[i] = previous.site;
        if (kind < 32 && mode !== previous.mode) {
          this.modes.push({clock: kind === 1 ? previous.clock - 1 : previous.clock, mode});
          previous.mode = mode;
        }
        if (kind !== 1) {
          this.detail[i] = this.details.length / 8;
          for (let field = 0; field < 4; field++) { this.number(); this.details.push(this.lo, this.hi); }
          this.notable.push(i);
        }
        this.firstEffect[i] = this.effectCount;
        if (tag & 64) {
          for (let left = this.number(); left > 0; left--) {
            const e = this.effectCount++;
            const type = this.bytes[this.at++];
            this.effectKind[e] = type & 3;
            this.effectSize[e] = type >> 2;
            this.number();
            this.effectWhat[e] = this.lo; this.effectWhatHigh[e] = this.hi;
            this.number();
            this.effectLow[e] = this.lo; this.effectHigh[e] = this.hi;
            if ((type & 3) === 0) {
              const register = this.effectWhat[e];
              if (register < this.low.length && (this.low[register] !== this.lo || this.high[register] !== this.hi)) {
                this.low[register] = this.lo; this.high[register] = this.hi;
                this.everChanged.add(register);
              }
            }
          }
        }
        this.firstEffect[i + 1] = this.effectCount;
      }
      if (this.count < this.all) return false;
      this.finish();
      return true;
    }
    /// Sums, so that a column of pixels costs the same however much is in it.
    finish() {
      this.bytes = null;
      const n = this.notable.length;
      this.sums = classes.map(() => new Uint32Array(n + 1));
      this.notableClock = new Float64Array(n);
      for (let k = 0; k < n; k++) {
        const i = this.notable[k], own = classOf[this.kind[i]];
        this.notableClock[k] = this.clock[i];
        for (let c = 0; c < classes.length; c++) this.sums[c][k + 1] = this.sums[c][k] + (own === c ? 1 : 0);
      }
      this.end = this.all ? this.clock[this.all - 1] : 0;
      this.modeClock = Float64Array.from(this.modes, change => change.clock);
      // Time in modes other than 0 up to each change.
      this.userTime = new Float64Array(this.modes.length + 1);
      for (let k = 0; k < this.modes.length; k++) {
        const until = k + 1 < this.modes.length ? this.modes[k + 1].clock : this.end;
        this.userTime[k + 1] = this.userTime[k] + (this.modes[k].mode ? until - this.modes[k].clock : 0);
      }
    }
    /// Share of user mode between two clocks.
    userShare(from, to) {
      const upTo = time => {
        const k = Math.max(lowerBound(this.modeClock, time + 1e-9) - 1, 0);
        return this.userTime[k] + (this.modes[k].mode ? Math.max(time - this.modes[k].clock, 0) : 0);
      };
      return to > from ? (upTo(to) - upTo(from)) / (to - from) : 0;
    }
    /// The last event of the guest at or before a clock; -1 if there is none.
    ///
    /// What the VMM does for the instruction after it has the same clock, and comes later.
    eventAt(clock) {
      let low = 0, high = this.count;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.clock[middle] <= clock) low = middle + 1; else high = middle;
      }
      let event = low - 1;
      while (event > 0 && this.kind[event] >= 32 && this.kind[event] < 48) event--;
      return event;
    }
    /// Registers after an event, and the set of those that it changed.
    stateAfter(event) {
      const frame = Math.max(Math.floor(event / KEYFRAME), 0);
      const key = this.keyframes[frame];
      if (!key) return {low: this.low, high: this.high, changed: new Set()};
      const low = key[0].slice(), high = key[1].slice();
      const changed = new Set();
      for (let e = this.firstEffect[frame * KEYFRAME]; event >= 0 && e < this.firstEffect[event + 1]; e++) {
        if (this.effectKind[e]) continue;
        const register = this.effectWhat[e];
        if (register >= low.length) continue;
        low[register] = this.effectLow[e]; high[register] = this.effectHigh[e];
        if (e >= this.firstEffect[event]) changed.add(register);
      }
      return {low, high, changed};
    }
    field(event, index) {
      const at = this.detail[event] * 8 + index * 2;
      return [this.details[at], this.details[at + 1]];
    }
    /// What an event is, in words.
    text(event) {
      const kind = this.kind[event], site = this.program.sites[this.site[event]] || {};
      if (kind === 1) return site.text || site.bytes || "";
      const program = this.program, code = this.field(event, 0)[0];
      const value = hex(...this.field(event, 2));
      const name = list => (list && list[code]) || String(code);
      switch (kind) {
      case 2: case 3: case 34: case 35:
        return `${kinds[kind]} ${name(program.causes)} value ${value}`;
      case 4: return `${this.write[event] ? "out" : "in"} port ${hex(code)} ${value}`;
      case 5: case 48: return `${kinds[kind]} ${name(program.stops)}`;
      case 32: return `exit ${name(this.exits)} ${value}`;
      case 33: return `emulate ${site.text || name(this.exits)}`;
      case 60: return "… instructions that are not on this page";
      default: return `${kinds[kind] || "event " + kind} ${value}`;
      }
    }
    effects(event) {
      const parts = [];
      for (let e = this.firstEffect[event]; e < this.firstEffect[event + 1]; e++) {
        const what = hex(this.effectWhat[e], this.effectWhatHigh[e]);
        const value = hex(this.effectLow[e], this.effectHigh[e]);
        if (this.effectKind[e] === 0) parts.push(`${this.program.registers[this.effectWhat[e]] || what}=${value}`);
        else parts.push(`[${what}]/${this.effectSize[e]}${this.effectKind[e] === 1 ? "→" : "←"}${value}`);
      }
      return this.kind[event] === 48 || this.kind[event] === 60 ? "" : parts.join("  ");
    }
  }
  function lowerBound(array, value) {
    let low = 0, high = array.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (array[middle] < value) low = middle + 1; else high = middle;
    }
    return low;
  }

  // --- One program at a time.
  let program, streams = [], view = {from: 0, to: 1}, cursor = 0, whole = 1, generation = 0;

  const colour = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

  async function show(index) {
    const mine = ++generation;
    program = data.programs[index];
    [...$("programs").children].forEach((button, i) => button.setAttribute("aria-pressed", String(i === index)));
    $("title").textContent = `${program.name}: ${program.isa} ${program.variant}`;
    $("headline").textContent = program.headline;
    tables();
    streams = [];
    $("canvases").replaceChildren();
    $("engines").replaceChildren();
    const shared = new Map();
    for (const engine of program.engines) {
      if (!engine.stream && engine.sameAs === undefined) continue;
      let stream = shared.get(engine.sameAs);
      if (!stream) {
        stream = new Stream(engine, program);
        const done = () => generation !== mine || stream.unpack(20000);
        while (!done()) {
          $("where").textContent =
            `reading the trace of the ${engine.kind}: ${Math.floor(100 * stream.count / Math.max(stream.all, 1))} %`;
          await new Promise(resolve => setTimeout(resolve));
        }
        if (generation !== mine) return;
      }
      shared.set(engine.kind, stream);
      stream.exits = engine.exitNames;
      lane(engine, stream);
    }
    whole = Math.max(1, ...streams.map(s => s.stream.end));
    view = {from: 0, to: whole};
    cursor = 0;
    legend();
    draw();
    document.documentElement.dataset.ready = String(index);
  }

  function lane(engine, stream) {
    const canvas = make("canvas");
    canvas.height = 10;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label",
      `${engine.kind} (${engine.flavour}): ${stream.all} events; the numbers are in the tables below`);
    $("canvases").append(canvas);
    const panel = make("article", undefined, "engine");
    panel.append(make("h3", `${engine.kind} (${engine.flavour})`));
    if (engine.note) panel.append(make("p", engine.note, "faint"));
    const place = make("p"), registers = make("div", undefined, "registers"), listing = make("table", undefined, "listing");
    const others = make("details");
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
    panel.append(place, registers, listing, others);
    $("engines").append(panel);
    streams.push({engine, stream, canvas, place, registers, listing, others});
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
      const shift = (held.x - event.offsetX) / canvas.clientWidth * (held.to - held.from);
      if (Math.abs(held.x - event.offsetX) > 3) held.moved = true;
      if (held.moved) look(held.from + shift, held.to + shift);
    });
    canvas.addEventListener("pointerup", event => {
      if (held && !held.moved) moveTo(Math.round(timeAt(canvas, event.offsetX)));
      held = null;
    });
    canvas.addEventListener("pointercancel", () => { held = null; });
  }
  const timeAt = (canvas, x) => view.from + x / canvas.clientWidth * (view.to - view.from);

  function look(from, to) {
    const width = Math.min(Math.max(to - from, 8), whole);
    from = Math.min(Math.max(from, 0), whole - width);
    view = {from, to: from + width};
    schedule();
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

  // --- Drawing.
  function draw() {
    const colours = {};
    for (const name of ["ink", "faint", "line", "accent", "bad", "supervisor", "user", ...classes])
      colours[name] = colour(name);
    streams.forEach((row, index) => drawLane(row, colours, index === 0));
    panels();
    const at = streams.map(row => row.stream.eventAt(cursor)).find(event => event >= 0);
    const site = at === undefined ? null : program.sites[streams[0].stream.site[at]];
    $("where").textContent = `clock ${grouped(cursor)} of ${grouped(whole)}`
      + (site && site.place ? ` · ${site.place}` : "");
    $("goto").placeholder = String(cursor);
  }

  function drawLane({engine, stream, canvas}, colours, hasAxis) {
    const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth;
    const isMonitor = monitorClasses.some(c => stream.sums[c][stream.notable.length] > 0);
    const axis = hasAxis ? 20 : 0, height = axis + 18 + 14 + 30 + (isMonitor ? 34 : 0) + 4;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = height + "px";
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.font = "12px system-ui, sans-serif";
    const x = clock => (clock - view.from) / (view.to - view.from) * width;
    const scale = (view.to - view.from) / width;
    if (hasAxis) {
      const rough = (view.to - view.from) / Math.max(width / 130, 2), power = 10 ** Math.floor(Math.log10(rough));
      const step = Math.max([1, 2, 5, 10].map(factor => factor * power).find(size => size >= rough), 1);
      context.fillStyle = colours.faint;
      for (let clock = Math.ceil(view.from / step) * step; clock <= view.to; clock += step) {
        context.fillRect(x(clock), 14, 1, 6);
        context.fillText(grouped(clock), x(clock) + 3, 12);
      }
    }
    context.fillStyle = colours.ink;
    context.fillText(`${engine.kind} (${engine.flavour})`, 4, axis + 13);
    // Modes: the share of user mode in each column.
    const top = axis + 18;
    const last = Math.min(x(stream.end), width);
    for (let column = 0; column < last; column++) {
      // Without instructions nobody knows the mode.
      const from = view.from + column * scale;
      const share = engine.hasRegisters ? stream.userShare(from, Math.min(from + scale, stream.end)) : 0;
      context.fillStyle = engine.hasRegisters ? colours.supervisor : colours.line;
      context.fillRect(column, top, 1, 12);
      if (share > 0) {
        context.fillStyle = colours.user;
        context.fillRect(column, top + 12 * (1 - share), 1, 12 * share);
      }
    }
    ticks(context, stream, guestClasses, colours, width, scale, top + 14, 28);
    if (isMonitor) ticks(context, stream, monitorClasses, colours, width, scale, top + 46, 32);
    for (const divergence of program.divergences) {
      if (divergence.engine !== engine.kind && divergence.against !== engine.kind) continue;
      const place = x(divergence.clock);
      if (place < 0 || place > width) continue;
      context.fillStyle = colours.bad;
      context.fillRect(place - 1, axis, 2, height);
      context.beginPath();
      context.moveTo(place - 6, axis); context.lineTo(place + 6, axis); context.lineTo(place, axis + 9);
      context.fill();
    }
    const place = x(cursor);
    context.fillStyle = colours.accent;
    context.fillRect(place, 0, 1.5, height);
  }

  /// Columns of events, stacked by class; a column is as high as the logarithm of what is in it.
  function ticks(context, stream, shown, colours, width, scale, top, height) {
    const clocks = stream.notableClock, n = clocks.length;
    const column = Math.max(1, Math.min(4, 1 / scale));
    let k = lowerBound(clocks, view.from);
    for (let x = 0; x < width && k < n; x += column) {
      const until = lowerBound(clocks, view.from + (x + column) * scale);
      if (until > k) {
        let total = 0;
        for (const c of shown) total += stream.sums[c][until] - stream.sums[c][k];
        if (total > 0) {
          const full = Math.min(height, 8 + 6 * Math.log2(total));
          let base = top + height;
          for (const c of shown) {
            const count = stream.sums[c][until] - stream.sums[c][k];
            if (!count) continue;
            const part = Math.max(full * count / total, 2);
            base -= part;
            context.fillStyle = colours[classes[c]];
            context.fillRect(x, Math.max(base, top), Math.max(column - 0.5, 1), part);
          }
        }
      }
      k = until;
    }
  }

  function panels() {
    const first = streams[0], states = streams.map(row => {
      const event = row.stream.eventAt(cursor);
      return {event, ...row.stream.stateAfter(event)};
    });
    streams.forEach((row, index) => {
      const {stream} = row, state = states[index];
      const site = state.event < 0 ? null : program.sites[stream.site[state.event]];
      row.place.textContent = site ? `${site.pc}  ${site.place || ""}` : "before the first event";
      const cells = program.registers.map((name, number) => {
        // The program counter is told by the place; traces do not have it as a register.
        if (["pc", "rip", "eip", "ip"].includes(name)) return null;
        if (!streams.some(other => other.stream.everChanged.has(number))) return null;
        const cell = make("div");
        cell.append(make("span", name), make("span", hex(state.low[number], state.high[number])));
        if (state.changed.has(number)) cell.className = "changed";
        if (index > 0 && row.engine.hasRegisters && first.engine.hasRegisters
          && (state.low[number] !== states[0].low[number] || state.high[number] !== states[0].high[number]))
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
        line.append(make("td", grouped(stream.clock[event])), make("td", at.pc || ""), what,
          make("td", at.place || "", "faint"));
        body.append(line);
      }
      row.listing.replaceChildren(body);
    });
  }

  // --- Tables and diagrams.
  function table(head, rows, numbers = []) {
    const box = make("div", undefined, "wide"), node = make("table"), top = make("thead"), line = make("tr");
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
        const td = make("td", undefined, numbers.includes(i) ? "number" : undefined);
        td.append(cell instanceof Node ? cell : String(cell));
        line.append(td);
      });
      body.append(line);
    }
    node.append(top, body);
    box.append(node);
    return box;
  }
  const verdict = item => {
    const node = make("span", item.word + (item.reason ? ": " + item.reason : ""));
    node.className = item.failed ? "bad" : item.passed ? "good" : "faint";
    return node;
  };
  function bar(parts) {
    const node = make("div", undefined, "bar");
    parts.forEach((share, i) => {
      const part = make("b", undefined, i ? "second" : undefined);
      part.style.width = 100 * share + "%";
      node.append(part);
    });
    return node;
  }
  function tables() {
    $("verdicts").replaceChildren(table(
      ["engine", "retired", "time ms", "equivalence", "control", "efficiency", "trace on this page"],
      program.engines.map(e => [`${e.kind} (${e.flavour})`, e.retired ? grouped(e.retired) : "–",
        e.milliseconds.toFixed(2), verdict(e.equivalence), verdict(e.control), verdict(e.efficiency), e.extent]),
      [1, 2]));
    const exits = $("exits");
    exits.replaceChildren();
    for (const e of program.engines) {
      const causes = Object.entries(e.exitCounts).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
      if (!causes.length && e.direct === undefined) continue;
      exits.append(make("h3", `${e.kind} (${e.flavour})`));
      if (e.direct !== undefined) {
        exits.append(table(["instructions that ran directly", "share"],
          [[bar([e.direct, 1 - e.direct]), (100 * e.direct).toFixed(2) + " %"]], [1]));
      }
      const most = causes.length ? causes[0][1] : 1;
      if (causes.length) {
        exits.append(table(["cause of an exit", "count", "per 1,000 instructions", ""],
          causes.map(([name, count]) => [name, grouped(count),
            program.retired ? (1000 * count / program.retired).toFixed(2) : "–", bar([count / most])]), [1, 2]));
      }
    }
    $("s-exits").hidden = !exits.children.length;
    const box = $("divergences");
    box.replaceChildren();
    for (const d of program.divergences) {
      const button = make("button", `go to clock ${grouped(d.clock)}`);
      button.addEventListener("click", () => goToDivergence(d));
      box.append(make("h3", `${d.engine} differs from ${d.against}: ${d.field}`), button, make("pre", d.text));
    }
    $("s-divergence").hidden = !program.divergences.length;
    classesDiagram();
  }

  function classesDiagram() {
    const found = program.classes;
    $("s-classes").hidden = !found;
    if (!found) return;
    const svgns = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(svgns, "svg");
    svg.setAttribute("viewBox", "0 0 760 300");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", "Venn diagram of privileged and sensitive instructions; the table below has the same");
    const add = (name, attributes, text) => {
      const node = document.createElementNS(svgns, name);
      for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
      if (text !== undefined) node.textContent = text;
      svg.append(node);
    };
    const ring = {fill: "none", "stroke-width": 2.5};
    add("ellipse", {cx: 270, cy: 150, rx: 210, ry: 125, stroke: "var(--accent)", ...ring});
    add("ellipse", {cx: 470, cy: 150, rx: 210, ry: 125, stroke: "var(--bad)", ...ring});
    add("text", {x: 150, y: 18, "font-weight": "bold"}, "privileged");
    add("text", {x: 530, y: 18, "font-weight": "bold"}, "sensitive");
    const words = (list, x, y, width) => {
      let line = "", row = 0;
      const put = () => { if (line) add("text", {x, y: y + 18 * row++, "text-anchor": "middle"}, line); line = ""; };
      for (const word of list) {
        if ((line + " " + word).length * 7 > width) put();
        line += (line ? " " : "") + word;
      }
      put();
    };
    words(found.both, 370, 95, 170);
    words(found.privilegedOnly, 150, 110, 130);
    words(found.sensitiveOnly, 600, 110, 130);
    add("text", {x: 8, y: 290}, `outside: ${found.innocuous} innocuous instructions`);
    $("classes").replaceChildren(svg,
      table(["set", "instructions"], [
        ["privileged and sensitive", found.both.join(", ") || "none"],
        ["sensitive, not privileged", found.sensitiveOnly.join(", ") || "none"],
        ["privileged, not sensitive", found.privilegedOnly.join(", ") || "none"],
        ["user-sensitive, not privileged", found.userSensitiveOnly.join(", ") || "none"],
        ["innocuous", String(found.innocuous)]]),
      table(["theorem", "holds", "because"], found.theorems.map(t => [t.name, verdict(t), t.because])));
  }

  function legend() {
    const entries = [["supervisor", "supervisor mode"], ["user", "user mode"]]
      .concat(classes.filter((name, c) => streams.some(({stream}) => stream.sums[c][stream.notable.length]))
        .map(name => [name, name === "halt" ? "halt and end" : name]));
    $("legend").replaceChildren(...entries.map(([name, text]) => {
      const item = make("span"), mark = make("i");
      mark.style.background = `var(--${name})`;
      item.append(mark, text);
      return item;
    }));
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
    if (!divergence) { $("where").textContent = "no divergence"; return; }
    look(divergence.clock - 60, divergence.clock + 60);
    moveTo(divergence.clock);
  }
  const actions = {
    first: () => moveTo(0), last: () => moveTo(whole), step: () => moveTo(cursor + 1), back: () => moveTo(cursor - 1),
    nextEvent: () => neighbour(1), previousEvent: () => neighbour(-1), zoomIn: () => zoom(0.5), zoomOut: () => zoom(2),
    fit: () => look(0, whole), divergence: () => goToDivergence(),
    help: () => { $("help").hidden = !$("help").hidden; },
  };
  const keys = {ArrowRight: "step", ArrowLeft: "back", n: "nextEvent", p: "previousEvent", "+": "zoomIn", "=": "zoomIn",
    "-": "zoomOut", "0": "fit", d: "divergence", Home: "first", End: "last", "?": "help"};
  document.addEventListener("keydown", event => {
    if (event.target.tagName === "INPUT" || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = keys[event.key];
    if (!action || !streams.length) return;
    event.preventDefault();
    actions[action]();
  });
  document.querySelectorAll("[data-do]").forEach(button =>
    button.addEventListener("click", () => { if (streams.length) actions[button.dataset.do](); }));
  $("goto").addEventListener("change", event => {
    const clock = Number(event.target.value.replace(/[,_\s]/g, ""));
    if (Number.isFinite(clock)) moveTo(Math.round(clock));
  });
  $("help").append(table(["key", "does"], [["→ ←", "one instruction on or back"], ["n p", "next or previous event of any engine"],
    ["d", "first divergence"], ["+ − 0", "zoom in, out, whole run (also the mouse wheel)"], ["Home End", "start, end"],
    ["drag, click", "move the view, set the cursor"]]));
  window.addEventListener("resize", schedule);
  window.addEventListener("beforeprint", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", schedule);

  data.programs.forEach((each, index) => {
    const button = make("button", each.name, each.failed ? "failed" : undefined);
    button.addEventListener("click", () => show(index));
    $("programs").append(button);
  });
  $("programs").hidden = data.programs.length < 2;
  document.title = data.title;
  show(Math.max(data.programs.findIndex(each => each.failed), 0));
})();
