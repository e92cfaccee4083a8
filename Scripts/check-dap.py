#!/usr/bin/env python3
"""Drives `triad dap` over its standard streams as an editor does, on every engine that runs toy programs.

The same breakpoints must be reached with the same registers as by `triad step --commands`; whatever the client sends,
every request has one answer.

Usage: Scripts/check-dap.py [TRIAD] [--schema FILE] [--time]
  TRIAD           the program, .build/release/triad if not given
  --schema FILE   the protocol's own schema (debugAdapterProtocol.json): every message that is sent is held against it;
                  needs jsonschema from PyPI
  --time          how long a step back takes at ten million instructions
"""

import base64
import json
import os
import re
import select
import subprocess
import sys
import tempfile
import time
import zipfile

ENGINES = ["simulator", "emulator", "virtualizer"]
DEADLINE = 60
failed = []
messages = 0


def check(condition, text):
    if not condition:
        failed.append(text)
        print("FAIL", text)


class Schema:
    """The protocol's schema, with a definition for each event, request's answer and error."""

    def __init__(self, file):
        import jsonschema

        with open(file) as stream:
            self.root = json.load(stream)
        self.jsonschema = jsonschema
        self.names = set(self.root["definitions"])
        self.made = {}

    def validate(self, message):
        if message["type"] == "event":
            name = message["event"][0].upper() + message["event"][1:] + "Event"
        elif message["success"]:
            name = message["command"][0].upper() + message["command"][1:] + "Response"
        else:
            name = "ErrorResponse"
        if name not in self.names:
            return "the protocol has no " + name
        if name not in self.made:
            schema = {"$ref": "#/definitions/" + name, "definitions": self.root["definitions"]}
            self.made[name] = self.jsonschema.Draft4Validator(schema)
        errors = [error.message for error in self.made[name].iter_errors(message)]
        errors += self.strangers({"$ref": "#/definitions/" + name}, message, name)
        return "; ".join(errors)[:300]

    # Known to later versions of the protocol than the schema that debugpy carries.
    NEWER = {"supportsDataBreakpointBytes"}

    def parts(self, schema):
        """A schema and all that it is made of."""
        found = [schema]
        if "$ref" in schema:
            found += self.parts(self.root["definitions"][schema["$ref"].split("/")[-1]])
        for part in schema.get("allOf", []):
            found += self.parts(part)
        return found

    def strangers(self, schema, value, place):
        """Fields that the protocol does not know, which validation lets pass."""
        known, items = {}, None
        for part in self.parts(schema):
            for name, inner in part.get("properties", {}).items():
                if name not in known or known[name].get("type") != "object" or "properties" in inner:
                    known[name] = inner
            items = part.get("items", items)
        found = []
        if isinstance(value, list) and items:
            for one in value:
                found += self.strangers(items, one, place + "[]")
        if isinstance(value, dict) and known:
            for name, inner in value.items():
                if name not in known:
                    found += [] if name in self.NEWER else ["%s has the strange field %s" % (place, name)]
                else:
                    found += self.strangers(known[name], inner, place + "." + name)
        return found


class Client:
    schema = None

    def __init__(self, triad, *words):
        self.process = subprocess.Popen(
            [triad, "dap", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.seq = 0
        self.bytes = b""
        self.events = []
        self.output = ""
        self.notes = []
        self.answers = {}

    def write(self, content):
        self.process.stdin.write(content)
        self.process.stdin.flush()

    def send(self, command, **arguments):
        self.seq += 1
        message = {"seq": self.seq, "type": "request", "command": command, "arguments": arguments}
        content = json.dumps(message).encode()
        self.write(b"Content-Length: %d\r\n\r\n" % len(content) + content)
        return self.seq

    def read(self):
        """One message more; None at the end."""
        global messages
        end = time.monotonic() + DEADLINE
        while True:
            match = re.match(rb"Content-Length: (\d+)\r\n\r\n", self.bytes)
            if match and len(self.bytes) >= match.end() + int(match[1]):
                content = self.bytes[match.end():match.end() + int(match[1])]
                self.bytes = self.bytes[match.end() + int(match[1]):]
                break
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("nothing came; events so far: %s" % self.events[-5:])
            more = os.read(self.process.stdout.fileno(), 1 << 16)
            if not more:
                return None
            self.bytes += more
        message = json.loads(content)
        messages += 1
        if Client.schema:
            wrong = Client.schema.validate(message)
            check(not wrong, "the schema: %s: %s" % (wrong, str(message)[:300]))
        if message["type"] == "event":
            if message["event"] == "output" and message["body"]["category"] == "stdout":
                self.output += message["body"]["output"]
            elif message["event"] == "output":
                self.notes.append(message["body"]["output"])
            self.events.append(message)
        else:
            check(message["request_seq"] not in self.answers, "two answers to %s" % message["request_seq"])
            self.answers[message["request_seq"]] = message
        return message

    def answer(self, seq):
        while seq not in self.answers:
            if self.read() is None:
                raise EOFError("the adapter has gone")
        return self.answers[seq]

    def ask(self, command, **arguments):
        """The body of the answer, which must be a success."""
        answer = self.answer(self.send(command, **arguments))
        if not answer["success"]:
            raise AssertionError("%s: %s" % (command, answer["message"]))
        return answer.get("body")

    def refused(self, command, **arguments):
        answer = self.answer(self.send(command, **arguments))
        check(not answer["success"], "%s %s was not refused" % (command, arguments))
        return answer.get("message", "")

    def wait(self, *names):
        """The next event of one of these names."""
        while True:
            for index, event in enumerate(self.events):
                if event["event"] in names:
                    self.events = self.events[index + 1:]
                    return event
            if self.read() is None:
                raise EOFError("no %s came" % (names,))

    def start(self, program, breakpoints=(), filters=(), **attributes):
        self.ask("initialize", adapterID="triad", supportsInvalidatedEvent=True, supportsMemoryEvent=True)
        self.ask("launch", program=program, **attributes)
        self.wait("initialized")
        if breakpoints:
            self.ask("setFunctionBreakpoints", breakpoints=[{"name": name} for name in breakpoints])
        self.ask("setExceptionBreakpoints", filters=list(filters))
        self.ask("configurationDone")

    def stop(self, command=None, **arguments):
        """The next stop, after a request if one is given."""
        if command:
            self.ask(command, threadId=1, **arguments)
        return self.wait("stopped", "terminated")

    def frames(self):
        return self.ask("stackTrace", threadId=1)["stackFrames"]

    def registers(self):
        found = {}
        for scope in self.ask("scopes", frameId=1)["scopes"]:
            if scope.get("presentationHint") == "registers":
                for variable in self.ask("variables", variablesReference=scope["variablesReference"])["variables"]:
                    found[variable["name"].split()[0]] = int(variable["value"].split()[0], 0)
        return found

    def value(self, expression):
        return int(self.ask("evaluate", expression=expression, context="watch")["result"].split()[0], 0)

    def count(self):
        for scope in self.ask("scopes", frameId=1)["scopes"]:
            if scope["name"] == "Machine":
                for variable in self.ask("variables", variablesReference=scope["variablesReference"])["variables"]:
                    if variable["name"] == "instructions":
                        return int(variable["value"])

    def finish(self):
        """Disconnects; the exit status and what was written to standard error."""
        try:
            self.ask("disconnect")
        except (BrokenPipeError, EOFError):
            pass
        return self.end()

    def end(self):
        self.process.stdin.close()
        while self.read() is not None:
            pass
        status = self.process.wait(DEADLINE)
        return status, self.process.stderr.read().decode()


def stepper(triad, program, engine, commands):
    """What the stepper says, and the registers at its end."""
    with tempfile.NamedTemporaryFile("w", suffix=".commands") as file:
        file.write("\n".join(commands + ["info all"]))
        file.flush()
        text = subprocess.run(
            [triad, "step", program, "--on", engine, "--commands", file.name],
            capture_output=True, text=True, timeout=DEADLINE).stdout
    found = dict(re.findall(r"(?:^|  )(\w+) +(0x[0-9a-f]+)(?=\s)", text[text.rindex("\nr0 "):] + "\n", re.M))
    counts = re.findall(r"^n=(\d+) ", text, re.M)
    return int(counts[-1]), {name: int(value, 16) for name, value in found.items()}


def same_places(triad, engine):
    """Breakpoints, steps and events lead to where the stepper's lead."""
    for program, symbol in [("minos", "puts"), ("minos-paging", "puts"), ("quicksort", "_start"), ("hello", "_start")]:
        expected = stepper(triad, program, engine, ["break " + symbol, "continue"] if symbol != "_start" else ["si 3", "back 2"])
        client = Client(triad)
        client.start(program, [] if symbol == "_start" else [symbol], engine=engine, stopOnEntry=symbol == "_start")
        stop = client.wait("stopped")
        if symbol == "_start":
            check(stop["body"]["reason"] == "entry", "stopped at the entry")
            for _ in range(3):
                client.stop("stepIn", granularity="instruction")
            for _ in range(2):
                client.stop("stepBack", granularity="instruction")
        else:
            check(stop["body"]["reason"] == "function breakpoint", "stopped at %s" % symbol)
        here = client.count(), client.registers()
        check(here == expected, "%s on %s: %s, the stepper has %s" % (program, engine, here, expected))
        check(client.finish()[0] == 0, "disconnect ends with 0")
    for event in ["trap", "interrupt", "device"]:
        expected = stepper(triad, "minos", engine, ["event %s 3" % event])
        client = Client(triad)
        client.start("minos", filters=[event], engine=engine)
        for number in range(3):
            stop = client.wait("stopped") if number == 0 else client.stop("continue")
            check(stop["body"]["reason"] == "exception", "stopped for %s" % event)
            client.ask("exceptionInfo", threadId=1)
        here = client.count(), client.registers()
        check(here == expected, "event %s on %s: %s, the stepper has %s" % (event, engine, here, expected))
        client.finish()


def file_session(triad, engine, folder):
    """A source file of the user's: lines, moves, conditions, log points, data, console, end."""
    file = os.path.join(folder, "sum.asm")
    text = """        .include "toy.inc"
        .equ COUNT, 10
# adds up
        .text
_start: li      sp, 0x2000
        li      s0, 0
        li      s1, 1
again:  mv      a0, s1
        call    add
        addi    s1, s1, 1
        li      t0, COUNT
        bge     t0, s1, again
        la      t1, result
        sw      s0, 0(t1)
        li      t0, 'A'
        out     t0, CONSOLE_DATA(zero)
        out     zero, POWER(zero)

add:    addi    sp, sp, -4
        sw      ra, 0(sp)
        call    inner
        lw      ra, 0(sp)
        addi    sp, sp, 4
        ret
inner:  add     s0, s0, a0
        ret
        .data
result: .word   0
"""
    with open(file, "w") as stream:
        stream.write(text)
    lines = text.split("\n")

    def line(start):
        return next(number for number, one in enumerate(lines, 1) if one.startswith(start))

    client = Client(triad)
    client.ask("initialize", adapterID="triad", supportsInvalidatedEvent=True, supportsMemoryEvent=True)
    client.ask("launch", program="sum.asm", cwd=folder, engine=engine, stopOnEntry=True)
    client.wait("initialized")
    source = {"path": file}
    set_ = client.ask("setBreakpoints", source=source, breakpoints=[
        {"line": 3}, {"line": line("inner:"), "condition": "a0 == 7"},
        {"line": line("add:"), "logMessage": "adding {a0}", "hitCondition": "% 2"}, {"line": 1000},
        {"line": 5, "condition": "nothing == 1"}])["breakpoints"]
    check([one["verified"] for one in set_] == [True, True, True, False, False], "verified: %s" % set_)
    check(set_[0]["line"] == 5, "moved to the next line with code: %s" % set_[0])
    client.ask("setExceptionBreakpoints", filters=[])
    client.ask("configurationDone")
    check(client.wait("stopped")["body"]["reason"] == "entry", "the entry")
    top = client.frames()[0]
    check(top["line"] == 5 and top["source"]["path"] == os.path.realpath(file), "the first line: %s" % top)
    client.stop("next")
    check(client.frames()[0]["line"] == 6, "a line of two instructions is one step: %s" % client.frames()[0])
    client.stop("stepBack")
    check(client.frames()[0]["line"] == 5 and client.count() == 0, "a line back")
    stop = client.stop("continue")
    check(stop["body"].get("hitBreakpointIds") == [set_[1]["id"]], "the condition: %s" % stop)
    check(client.value("a0") == 7 and client.value("s0") == 21, "at the seventh")
    names = [frame["name"] for frame in client.frames()]
    check(names == ["inner", "add", "_start"] or names == ["inner", "add", "again"], "the stack: %s" % names)
    check(int(client.ask("evaluate", expression="ra", context="watch", frameId=2)["result"].split()[0], 0)
          != client.value("ra"), "ra of the outer frame")
    outer = client.ask("scopes", frameId=2)["scopes"][0]
    registers = client.ask("variables", variablesReference=outer["variablesReference"])["variables"]
    check(any(one["name"].startswith("pc") and "<" in one["value"] for one in registers), "an outer frame's registers")
    logged = list(client.notes)
    client.stop("stepOut")
    check(client.frames()[0]["line"] == line("add:") + 3, "out of inner: %s" % client.frames()[0])
    client.stop("stepOut")
    check(client.frames()[0]["line"] == line("again:") + 2, "out of add: %s" % client.frames()[0])
    check(len(client.frames()) == 1, "nothing called")
    check(client.value("s0") == 28, "the sum so far")
    # Writing.
    answer = client.ask("setVariable", variablesReference=1, name="r9 s0", value="100")
    check(answer["value"].startswith("0x64"), "set: %s" % answer)
    check("zero" in client.refused("setVariable", variablesReference=1, name="r0 zero", value="1"), "r0 is zero")
    check("fit" in client.refused("setVariable", variablesReference=1, name="r9 s0", value="0x100000000"), "too wide")
    client.ask("setExpression", expression="s0", value="28")
    result = client.value("result")
    client.ask("setExpression", expression="word(result)", value="0x01020304")
    data = client.ask("readMemory", memoryReference=hex(result), count=4)["data"]
    check(base64.b64decode(data) == bytes([4, 3, 2, 1]), "memory: %s" % data)
    client.ask("writeMemory", memoryReference=hex(result), data=base64.b64encode(bytes(4)).decode())
    check(client.value("word(result)") == 0, "written back")
    beyond = client.ask("readMemory", memoryReference="0xfffffff0", count=32)
    check(beyond["unreadableBytes"] >= 1, "no memory there: %s" % beyond)
    # Data breakpoints.
    client.ask("setBreakpoints", source=source, breakpoints=[])
    info = client.ask("dataBreakpointInfo", name="result")
    check("write" in info["accessTypes"], "the word can be watched: %s" % info)
    register = client.ask("dataBreakpointInfo", variablesReference=1, name="r9 s0")
    set_ = client.ask("setDataBreakpoints", breakpoints=[
        {"dataId": info["dataId"], "accessType": "write"}, {"dataId": register["dataId"], "accessType": "write"}])
    check(all(one["verified"] for one in set_["breakpoints"]), "data breakpoints: %s" % set_)
    stop = client.stop("continue")
    check(stop["body"]["reason"] == "data breakpoint" and client.value("s0") == 36, "the register: %s" % stop)
    client.ask("setDataBreakpoints", breakpoints=[{"dataId": info["dataId"]}])
    stop = client.stop("continue")
    check(stop["body"]["reason"] == "data breakpoint" and client.value("word(result)") == 55, "the word: %s" % stop)
    count = client.count()
    stop = client.stop("reverseContinue")
    check(client.count() == count - 1 and client.value("word(result)") == 0, "back before the store: %s" % stop)
    # Disassembly, before and behind the storage too.
    rows = client.ask(
        "disassemble", memoryReference=client.frames()[0]["instructionPointerReference"], instructionOffset=-100,
        instructionCount=250, resolveSymbols=True)["instructions"]
    addresses = [int(row["address"], 16) for row in rows]
    check(len(rows) == 250 and addresses == sorted(addresses), "as many rows as asked for")
    check(rows[100]["address"] == client.frames()[0]["instructionPointerReference"], "the row of the instruction")
    check(any(row.get("symbol") == "inner" for row in rows), "symbols")
    # The debug console.
    check("sum.asm" in client.ask("evaluate", expression="list", context="repl")["result"] or
          "sw" in client.ask("evaluate", expression="list", context="repl")["result"], "list")
    client.ask("evaluate", expression="si", context="repl")
    check(client.wait("stopped")["body"]["reason"] == "step", "a step in the console")
    check("help" in client.refused("evaluate", expression="bogus", context="repl"), "no command")
    targets = client.ask("gotoTargets", source=source, line=line("again:"))["targets"]
    client.ask("goto", threadId=1, targetId=targets[0]["id"])
    check(client.wait("stopped")["body"]["reason"] == "goto", "gone to")
    check(client.frames()[0]["line"] == line("again:"), "the line: %s" % client.frames()[0])
    # Again from the start, to the end.
    client.ask("setDataBreakpoints", breakpoints=[])
    client.ask("restart")
    check(client.wait("stopped")["body"]["reason"] == "entry" and client.count() == 0, "restarted")
    client.ask("continue", threadId=1)
    check(client.wait("exited")["body"]["exitCode"] == 0, "the exit status")
    client.wait("terminated")
    check(client.output == "A", "the console: %r" % client.output)
    check("restart" in client.refused("continue", threadId=1), "ended")
    status, errors = client.finish()
    check(status == 0 and not errors, "disconnect ends with 0: %s %s" % (status, errors))
    return logged


def built_in(triad):
    """The text of a built-in program comes from the adapter; running and pausing; x86 is refused."""
    client = Client(triad)
    client.start("minos", engine="emulator", stopOnEntry=True)
    client.wait("stopped")
    source = client.frames()[0]["source"]
    text = client.ask("source", sourceReference=source["sourceReference"], source=source)["content"]
    check("puts:" in text, "the text of minos")
    check(any(one["name"] == "minos.asm" for one in client.ask("loadedSources")["sources"]), "its sources")
    number = text.split("\n").index("puts:") + 1
    answer = client.ask("setBreakpoints", source=source, breakpoints=[{"line": number}])["breakpoints"]
    check(answer[0]["verified"] and answer[0]["line"] == number + 1, "a line of a built-in: %s" % answer)
    client.stop("continue")
    check(client.frames()[0]["line"] == number + 1, "there")
    labels = [one["label"] for one in client.ask("completions", text="pu", column=3)["targets"]]
    check("puts" in labels, "completions: %s" % labels)
    client.finish()

    client = Client(triad)
    client.start("spin", engine="emulator")
    time.sleep(0.2)
    check(client.refused("stackTrace", threadId=1) == "notStopped", "it runs")
    check(len(client.ask("threads")["threads"]) == 1, "threads while it runs")
    check(client.stop("pause")["body"]["reason"] == "pause", "paused")
    client.ask("continue", threadId=1)
    client.ask("terminate")
    client.wait("terminated")
    client.finish()

    client = Client(triad)
    client.ask("initialize", adapterID="triad")
    check("--gdb" in client.refused("launch", program="long64"), "x86 is gdb's")
    check("engine" in client.refused("launch", program="hello", engin="emulator"), "a misspelt attribute")
    check("simulator" in client.refused("launch", program="hello", engine="quantum"), "an engine that is none")
    check("nowhere.asm" in client.refused("launch", program="nowhere.asm"), "no such file")
    client.finish()


def damaged(triad):
    """Streams that are none of the protocol's end with a reason, and never in a crash."""
    for content, status in [
        (b"", 0), (b"Content-Length: 5\r\n\r\n{}", 3), (b"Content-Length: x\r\n\r\n", 3), (b"hello\r\n\r\n", 3),
        (b"Content-Length: 99999999999999999999\r\n\r\n", 3), (b"Content-Length: 2000000000\r\n\r\n", 3),
        (b"Content-Length: 3\r\n\r\n{a}Content-Length: 2\r\n\r\n[]", 0), (b"\r\n\r\n", 3), (b"A" * 10000, 3),
    ]:
        client = Client(triad)
        client.write(content)
        found, errors = client.end()
        check(found == status, "%r ended with %s, not %s" % (content[:50], found, status))
        check((status == 0) == (errors == ""), "%r says %r" % (content[:50], errors))
    client = Client(triad)
    check("initialize" in client.refused("threads"), "before initialize")
    client.ask("initialize", adapterID="triad")
    check("launch" in client.refused("stackTrace", threadId=1), "before launch")
    check("stackTrace" in client.refused("stackTraces"), "no such request")
    client.finish()


def extension(triad, folder):
    """What the editor gets."""
    for place in ["triad", "triad.vsix"]:
        subprocess.run([triad, "dap", "--extension", os.path.join(folder, place)], check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(folder, "triad", "package.json")) as stream:
        manifest = json.load(stream)
    with zipfile.ZipFile(os.path.join(folder, "triad.vsix")) as archive:
        check(archive.testzip() is None, "the archive is whole")
        check(json.loads(archive.read("extension/package.json")) == manifest, "the same manifest")
        check("[Content_Types].xml" in archive.namelist(), "content types")
    debugger = manifest["contributes"]["debuggers"][0]
    for path in [manifest["contributes"]["grammars"][0]["path"], manifest["contributes"]["languages"][0]["configuration"]]:
        with open(os.path.join(folder, "triad", path)) as stream:
            json.load(stream)
    answer = subprocess.run([debugger["program"], *debugger["args"]], stdin=subprocess.DEVNULL, capture_output=True)
    check(answer.returncode == 0, "the program that the manifest names is the adapter")


def timing(triad):
    """Milliseconds of a step back at ten million instructions, over the protocol."""
    for engine in ["emulator", "simulator", "virtualizer"]:
        client = Client(triad)
        client.start("sieve", engine=engine, stopOnEntry=True, define={"SIZE": 1000000})
        client.wait("stopped")
        client.ask("evaluate", expression="goto 10000000", context="repl")
        client.wait("stopped")
        for granularity in ["instruction", "line"]:
            times = []
            for _ in range(40):
                start = time.monotonic()
                client.stop("stepBack", granularity=granularity)
                times.append((time.monotonic() - start) * 1000)
            start = time.monotonic()
            client.frames()
            stack = (time.monotonic() - start) * 1000
            print("%s, n=%d: stepBack by %s %.1f ms in the mean, %.1f at most; stackTrace %.1f ms" % (
                engine, client.count(), granularity, sum(times) / len(times), max(times), stack))
        client.finish()


def main():
    words = sys.argv[1:]
    wants_time = "--time" in words
    if wants_time:
        words.remove("--time")
    if "--schema" in words:
        index = words.index("--schema")
        Client.schema = Schema(words[index + 1])
        del words[index:index + 2]
    triad = os.path.realpath(words[0] if words else os.path.join(os.path.dirname(__file__), "../.build/release/triad"))
    if wants_time:
        return timing(triad)
    with tempfile.TemporaryDirectory() as folder:
        logs = []
        for engine in ENGINES:
            same_places(triad, engine)
            logs.append(file_session(triad, engine, folder))
        check(all(log == logs[0] for log in logs), "the same on every engine: %s" % logs)
        check(any("adding 0x2" in text for text in logs[0]), "log points: %s" % logs[0])
        built_in(triad)
        damaged(triad)
        extension(triad, folder)
    print("%d messages%s, %d failures" % (messages, " against the schema" if Client.schema else "", len(failed)))
    sys.exit(1 if failed else 0)


main()
