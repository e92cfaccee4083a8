// Unpacks a trace from the page; the format is that of ReportStream.swift.

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
  34: "reflect", 35: "inject", 36: "schedule", 37: "shadow", 38: "hypercall", 48: "end", 49: "digest"};
// The order of a lane's rows: what the guest does, then what its monitor does.
const kindOrder = [2, 3, 4, 5, 48, 32, 33, 34, 35, 36, 37, 38, 49];
const KEYFRAME = 2048;
const MOST_ROWS = 18;

/// One engine's trace, unpacked into columns.
class Stream {
  constructor(packed, program) {
    const text = atob(packed.stream);
    this.bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) this.bytes[i] = text.charCodeAt(i);
    this.program = program;
    this.overview = packed.overview;
    this.complete = packed.complete === undefined ? Infinity : packed.complete;
    this.exits = packed.exitNames;
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
    // How often each site retired, how often in user mode, and where first.
    const sites = program.sites.length;
    this.siteAll = new Uint32Array(sites); this.siteUser = new Uint32Array(sites);
    this.siteFirst = new Float64Array(sites); this.siteFirstUser = new Float64Array(sites);
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
      if (kind === 1) {
        const site = previous.site;
        if (!this.siteAll[site]++) this.siteFirst[site] = previous.clock;
        if (mode && !this.siteUser[site]++) this.siteFirstUser[site] = previous.clock;
      } else {
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
    return this.count === this.all;
  }
  /// Makes what drawing needs, so that a column of pixels costs the same however much is in it.
  finish() {
    this.bytes = null;
    this.end = Math.max(this.all ? this.clock[this.all - 1] : 0, this.overview ? this.overview.end : 0);
    this.sumOverview();
    this.notableClock = Float64Array.from(this.notable, i => this.clock[i]);
    this.modeClock = Float64Array.from(this.modes, change => change.clock);
    // Time in modes other than 0 up to each change.
    this.userTime = new Float64Array(this.modes.length + 1);
    for (let k = 0; k < this.modes.length; k++) {
      const until = k + 1 < this.modes.length ? this.modes[k + 1].clock : this.end;
      this.userTime[k + 1] = this.userTime[k] + (this.modes[k].mode ? until - this.modes[k].clock : 0);
    }
  }
  /// Instructions that are there by counts only, summed up by bucket.
  sumOverview() {
    if (!this.overview) return;
    const {instructions, user} = this.overview;
    this.countedSum = new Float64Array(instructions.length + 1);
    this.countedUser = new Float64Array(instructions.length + 1);
    for (let k = 0; k < instructions.length; k++) {
      this.countedSum[k + 1] = this.countedSum[k] + instructions[k];
      this.countedUser[k + 1] = this.countedUser[k] + user[k];
    }
  }
  /// Share of user mode among instructions that were only counted; `null` where most are there one by one.
  countedShare(from, to) {
    if (!this.overview || from < this.complete) return null;
    const {start, width, instructions} = this.overview;
    const low = Math.min(Math.max(Math.floor((from - start) / width), 0), instructions.length);
    const high = Math.min(Math.max(Math.ceil((to - start) / width), low), instructions.length);
    const all = this.countedSum[high] - this.countedSum[low];
    return all * 2 < (high - low) * width ? null : (this.countedUser[high] - this.countedUser[low]) / all;
  }
  /// The name of a cause of a kind; empty where the kind has none.
  causeName(kind, code) {
    const names = kind === 32 || kind === 33 ? this.exits : [2, 3, 34, 35].includes(kind) ? this.program.causes : null;
    return names ? names[code] || String(code) : "";
  }
  /// The cause of an event that is no retired instruction, as text; empty where its kind has none.
  cause(event) { return this.causeName(this.kind[event], this.field(event, 0)[0]); }
  /// Events by kind and cause: a row each, with the clocks of its events in order.
  ///
  /// `sums` is how many events there are before each clock: more than clocks where they were only counted.
  makeRows() {
    const found = new Map();
    const add = (recordKind, cause, clock, count) => {
      const kind = recordKind === 5 ? 48 : recordKind;
      if (!kinds[kind]) return;
      const key = kind + "/" + cause;
      if (!found.has(key)) found.set(key, {kind, cause, clocks: [], counts: [], total: 0});
      const row = found.get(key);
      row.clocks.push(clock);
      row.counts.push(count);
      row.total += count;
    };
    for (const event of this.notable) add(this.kind[event], this.cause(event), this.clock[event], 1);
    for (const row of this.overview ? this.overview.rows : [])
      row.counts.forEach((count, bucket) => {
        if (count) add(row.kind, this.causeName(row.kind, row.code),
          this.overview.start + (bucket + 0.5) * this.overview.width, count);
      });
    let rows = [...found.values()].sort((a, b) =>
      kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind) || b.total - a.total);
    // Where there are too many, the rare ones of a kind share a row.
    while (rows.length > MOST_ROWS) {
      const sizes = kindOrder.map(kind => rows.filter(row => row.kind === kind).length);
      const kind = kindOrder[sizes.indexOf(Math.max(...sizes))];
      const own = rows.filter(row => row.kind === kind);
      if (own.length < 2) break;
      const [last, rest] = [own[own.length - 1], own[own.length - 2]];
      rest.cause = "others";
      rest.clocks = rest.clocks.concat(last.clocks);
      rest.counts = rest.counts.concat(last.counts);
      rest.total += last.total;
      rows = rows.filter(row => row !== last);
    }
    for (const row of rows) {
      const {clocks, counts} = row, order = Uint32Array.from(clocks.keys());
      if (clocks.some((clock, k) => k && clock < clocks[k - 1])) order.sort((a, b) => clocks[a] - clocks[b]);
      row.clocks = Float64Array.from(order, k => clocks[k]);
      row.sums = new Float64Array(clocks.length + 1);
      order.forEach((k, place) => { row.sums[place + 1] = row.sums[place] + counts[k]; });
      row.counts = null;
      row.name = kinds[row.kind] + (row.cause ? " " + row.cause : "");
    }
    this.rows = rows;
  }
  /// The clock of the first event of a kind, at an address if one is given; `null` if there is none.
  first(kindName, pc) {
    for (const event of this.notable) {
      const kind = this.kind[event] === 5 ? 48 : this.kind[event];
      if (kinds[kind] !== kindName) continue;
      if (pc && (this.program.sites[this.site[event]] || {}).pc !== pc) continue;
      return this.clock[event];
    }
    return null;
  }
  /// The newest writes of storage up to an event: address (text) to value, size and the clock of the write.
  lastWrites(event, most) {
    const found = new Map();
    if (event < 0) return found;
    const stop = Math.max(this.firstEffect[event + 1] - 200000, 0);
    let at = event;
    for (let e = this.firstEffect[event + 1] - 1; e >= stop && found.size < most; e--) {
      if (this.effectKind[e] !== 2) continue;
      while (this.firstEffect[at] > e) at--;
      const address = hex(this.effectWhat[e], this.effectWhatHigh[e]);
      if (!found.has(address)) found.set(address, this.written(e, at));
    }
    return found;
  }
  /// The newest write of an address up to an event.
  lastWrite(event, address) {
    if (event < 0) return null;
    const number = BigInt(address), low = Number(number & 0xffffffffn), high = Number(number >> 32n);
    const stop = Math.max(this.firstEffect[event + 1] - 200000, 0);
    for (let e = this.firstEffect[event + 1] - 1, at = event; e >= stop; e--) {
      if (this.effectKind[e] !== 2 || this.effectWhat[e] !== low || this.effectWhatHigh[e] !== high) continue;
      while (this.firstEffect[at] > e) at--;
      return this.written(e, at);
    }
    return null;
  }
  written(effect, event) {
    return {value: hex(this.effectLow[effect], this.effectHigh[effect]), size: this.effectSize[effect],
      clock: this.clock[event], isNew: effect >= this.firstEffect[event], event};
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
    switch (kind) {
    case 2: case 3: case 34: case 35: return `${kinds[kind]} ${this.cause(event)} value ${value}`;
    case 4: return `${this.write[event] ? "out" : "in"} port ${hex(code)} ${value}`;
    case 5: case 48: return `${kinds[kind]} ${(program.stops && program.stops[code]) || code}`;
    case 32: return `exit ${this.cause(event)} ${value}`;
    case 33: return `emulate ${site.text || this.cause(event)}`;
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

