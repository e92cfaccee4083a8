// Draws the lanes: for each machine a row of modes, and a row for each kind and cause of events.

// Colours go by cause; beyond the palette they come again. Rows have names, so that nothing is told by colour alone.
const PALETTE = 8;
const ROW = 13, MODE_ROW = 14, TITLE_ROW = 18, AXIS = 20;

/// The colour of every cause, the same for all machines of a program.
function causeColours(streams) {
  const order = new Map();
  const all = streams.flatMap(({stream}) => stream.rows).filter(row => row.cause)
    .sort((a, b) => b.total - a.total);
  for (const row of all) if (!order.has(row.cause)) order.set(row.cause, order.size % PALETTE);
  return order;
}

const rowColour = (row, colours) => {
  if (row.kind === 4) return colours.device;
  if (row.kind === 48) return colours.ink;
  return row.cause ? colours.causes[colours.order.get(row.cause)] : colours.plain;
};

function laneHeight(stream, hasAxis) {
  return (hasAxis ? AXIS : 0) + TITLE_ROW + MODE_ROW + stream.rows.length * ROW + 4;
}

/// What drawing needs to know: colours, the range, the cursor, and places of divergences.
function drawLane({engine, stream, canvas}, scene, hasAxis) {
  const {view, colours} = scene;
  const ratio = window.devicePixelRatio || 1, full = canvas.clientWidth;
  const height = laneHeight(stream, hasAxis);
  canvas.width = Math.round(full * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.height = height + "px";
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const left = gutter(canvas), width = full - left;
  const x = clock => left + (clock - view.from) / (view.to - view.from) * width;
  const scale = (view.to - view.from) / width;
  const top = hasAxis ? AXIS : 0;
  context.font = "12px system-ui, sans-serif";
  if (hasAxis) axis(context, scene, x, width, full);
  context.fillStyle = colours.ink;
  context.fillText(`${engine.kind} (${engine.flavour})`, 4, top + 13);
  label(context, colours, "mode", top + TITLE_ROW, left);
  modes(context, engine, stream, scene, left, width, scale, top + TITLE_ROW);
  stream.rows.forEach((row, number) => {
    const y = top + TITLE_ROW + MODE_ROW + number * ROW;
    context.fillStyle = colours.line;
    context.fillRect(left, y + ROW - 1, width, 0.5);
    context.fillStyle = rowColour(row, colours);
    ticks(context, row, view, left, width, scale, y, ROW - 2);
    label(context, colours, row.name, y, left);
  });
  for (const divergence of scene.divergences) {
    if (divergence.engine !== engine.kind && divergence.against !== engine.kind) continue;
    const place = x(divergence.clock);
    if (place < left || place > full) continue;
    context.fillStyle = colours.bad;
    context.fillRect(place - 1, top, 2, height);
    context.beginPath();
    context.moveTo(place - 6, top); context.lineTo(place + 6, top); context.lineTo(place, top + 9);
    context.fill();
  }
  const place = x(scene.cursor);
  if (place >= left - 1) {
    context.fillStyle = colours.accent;
    context.fillRect(place, 0, 1.5, height);
  }
}

/// Room for the names of rows, left of the time line; on a narrow page they stand in the rows.
const gutter = canvas => canvas.clientWidth >= 720 ? 168 : 0;

function label(context, colours, text, y, left) {
  context.font = "11px system-ui, sans-serif";
  if (!left) {
    context.fillStyle = colours.panel;
    context.globalAlpha = 0.8;
    context.fillRect(2, y, context.measureText(text).width + 4, ROW - 2);
    context.globalAlpha = 1;
  }
  context.fillStyle = colours.ink;
  context.fillText(text, 4, y + 10, left ? left - 8 : undefined);
}

function axis(context, {view, colours}, x, width, full) {
  const rough = (view.to - view.from) / Math.max(width / 130, 2), power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max([1, 2, 5, 10].map(factor => factor * power).find(size => size >= rough) || 1, 1);
  context.fillStyle = colours.faint;
  for (let clock = Math.ceil(view.from / step) * step; clock <= view.to; clock += step) {
    const text = grouped(clock), size = context.measureText(text).width, place = x(clock);
    context.fillRect(place, 14, 1, 6);
    context.fillText(text, place + 3 + size > full ? place - size - 3 : place + 3, 12);
  }
}

/// The share of user mode in each column: user mode is the lower, lighter part.
function modes(context, engine, stream, {view, colours}, left, width, scale, y) {
  const last = Math.min((stream.end - view.from) / scale, width);
  for (let column = 0; column < last; column++) {
    // Without instructions nobody knows the mode.
    const from = view.from + column * scale;
    const until = Math.min(from + scale, stream.end), counted = stream.countedShare(from, until);
    const share = !engine.hasRegisters ? 0 : counted === null ? stream.userShare(from, until) : counted;
    context.fillStyle = engine.hasRegisters ? colours.supervisor : colours.line;
    context.fillRect(left + column, y, 1, 12);
    if (share > 0) {
      context.fillStyle = colours.user;
      context.fillRect(left + column, y + 12 * (1 - share), 1, 12 * share);
    }
  }
  // Where instructions are there by counts only, a line stands above.
  const counted = Math.max((stream.complete - view.from) / scale, 0);
  if (counted < last) {
    context.fillStyle = colours.bad;
    for (let place = counted; place < last; place += 8) context.fillRect(left + place, y - 3, 4, 2);
  }
}

/// One row's events; a column is as high as the logarithm of what is in it.
function ticks(context, {clocks, sums}, view, left, width, scale, y, height) {
  const column = Math.max(1, Math.min(6, 1 / scale));
  let k = lowerBound(clocks, view.from);
  while (k < clocks.length && clocks[k] <= view.to) {
    // The column of the next event; empty ones cost nothing.
    const number = Math.floor((clocks[k] - view.from) / scale / column);
    const until = Math.max(lowerBound(clocks, view.from + (number + 1) * column * scale), k + 1);
    const part = Math.min(height, 5 + 2 * Math.log2(sums[until] - sums[k]));
    const place = Math.min(number * column, width - column);
    context.fillRect(left + place, y + height - part, Math.max(column - 0.5, 1), part);
    k = until;
  }
}

function legend(streams, program, colours) {
  const isX86 = program.isa === "x86";
  const entries = [["var(--supervisor)", isX86 ? "ring 0" : "supervisor mode"],
    ["var(--user)", isX86 ? "rings 1 to 3" : "user mode"]];
  if (streams.some(({stream}) => stream.rows.some(row => row.kind === 4))) entries.push(["var(--device)", "device"]);
  for (const [cause, number] of colours.order) entries.push([`var(--c${number})`, cause]);
  entries.push(["var(--accent)", "cursor"]);
  if (program.divergences.length) entries.push(["var(--bad)", "▼ first divergence"]);
  if (streams.some(({stream}) => stream.complete < stream.end))
    entries.push(["var(--bad)", "┄ counts only: no single instructions here"]);
  return entries.map(([colour, text]) => {
    const item = make("span"), mark = make("i");
    mark.style.background = colour;
    item.append(mark, text);
    return item;
  });
}
