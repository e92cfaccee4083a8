"""Reads Triad's traces, in both encodings, into data frames.

`Docs/TraceFormat.md` is the format. A trace of ten million events has some 1.5 GB; it is read in pieces, and of each piece only
the kinds and columns that are asked for are kept.
"""

import dataclasses
import json
import pathlib

import numpy as np
import pandas as pd

KINDS = {
    1: "retire", 2: "trap", 3: "interrupt", 4: "device", 5: "halt", 16: "register", 17: "read", 18: "write",
    32: "exit", 33: "emulate", 34: "reflect", 35: "inject", 36: "schedule", 37: "shadow", 38: "hypercall",
    48: "final", 49: "digest", 254: "host", 255: "end",
}
NUMBERS = {name: number for number, name in KINDS.items()}
RECORD = np.dtype([
    ("kind", "u1"), ("flags", "u1"), ("cpu", "<u2"), ("code", "<u4"), ("clock", "<u8"), ("pc", "<u8"),
    ("address", "<u8"), ("value", "<u8"), ("aux", "<u8"), ("bytes", "u1", 16),
])
COLUMNS = ["kind", "code", "clock", "pc", "address", "value", "aux", "mode", "is_write", "cpu", "event"]
# What `code` is called in JSON, by kind, and which vocabulary names it.
_CODES = {
    "trap": ("cause", "causes"), "interrupt": ("cause", "causes"), "reflect": ("cause", "causes"),
    "inject": ("cause", "causes"), "exit": ("reason", "exits"), "emulate": ("reason", "exits"),
    "halt": ("stop", "stops"), "final": ("stop", "stops"), "device": ("port", None), "shadow": ("op", None),
    "hypercall": ("number", None), "register": ("reg", "registers"),
}
_FIELDS = {
    "retire": {"address": "next"}, "trap": {"value": "tval", "aux": "handler"},
    "interrupt": {"value": "line", "aux": "handler"}, "device": {"address": "addr", "value": "data", "aux": "size"},
    "halt": {"value": "status"}, "exit": {"address": "fault", "value": "detail"},
    "reflect": {"value": "tval", "aux": "handler"}, "inject": {"value": "tval", "aux": "handler"},
    "schedule": {"value": "domain", "aux": "slice"}, "shadow": {"address": "page", "value": "entry"},
    "hypercall": {"value": "arg", "aux": "result"}, "final": {"address": "outbytes", "value": "memsum", "aux": "outsum"},
    "digest": {"value": "regsum", "aux": "memsum"}, "host": {"value": "ns"}, "end": {"value": "records", "aux": "check"},
    "read": {"address": "addr", "value": "data", "aux": "size"}, "write": {"address": "addr", "value": "data", "aux": "size"},
}


@dataclasses.dataclass
class Trace:
    """A trace: its header, and a frame with a row for each record that was kept."""

    header: dict
    records: pd.DataFrame

    @property
    def name(self) -> str:
        """Which machine ran what."""
        return f"{self.header['program']} on {self.header['engine']} ({self.header['flavour']})"

    def of(self, *kinds: str) -> pd.DataFrame:
        """The records of some kinds, with `what`: their code by name."""
        rows = self.records[self.records["kind"].isin([NUMBERS[kind] for kind in kinds])].copy()
        rows["what"] = [self._code(kind, code) for kind, code in zip(rows["kind"], rows["code"])]
        rows["kind"] = rows["kind"].map(KINDS)
        return rows

    def register(self, name: str) -> pd.DataFrame:
        """Clock and new value of each change of a register."""
        number = self.header["registers"].index(name)
        rows = self.records[(self.records["kind"] == NUMBERS["register"]) & (self.records["code"] == number)]
        return rows[["clock", "value"]].reset_index(drop=True)

    def _code(self, kind: int, code: int) -> str:
        vocabulary = self.header.get(_CODES.get(KINDS.get(kind, ""), (None, None))[1] or "", [])
        return vocabulary[code] if code < len(vocabulary) and vocabulary[code] else str(code)


def read_trace(path, kinds=None, columns=None, piece: int = 1 << 18) -> Trace:
    """Reads a trace file of either encoding.

    `kinds` are names such as "exit" (all if None), `columns` some of `COLUMNS`. `event` numbers the events of the whole trace: effects
    have their head's number.
    """
    path = pathlib.Path(path)
    wanted = None if kinds is None else {NUMBERS[kind] for kind in kinds}
    columns = list(columns or COLUMNS)
    unknown = set(columns) - set(COLUMNS)
    if unknown:
        raise ValueError(f"no columns {sorted(unknown)}; there are {COLUMNS}")
    with open(path, "rb") as file:
        start = file.read(64)
    header, pieces = _binary(path, start, piece) if start[:8] == b"TRIADTRC" else _json(path, piece)
    frames, heads, complete = [], 0, False
    for records in pieces:
        is_head = (records["kind"] < 16) | (records["kind"] > 31)
        event = heads + np.cumsum(is_head) - 1
        heads += int(is_head.sum())
        complete = bool(len(records)) and int(records["kind"][-1]) == 255
        keep = np.isin(records["kind"], list(wanted)) if wanted is not None else records["kind"] < 254
        rows, event = records[keep], event[keep]
        frame = {}
        for column in columns:
            match column:
                case "mode": frame[column] = rows["flags"] & 15
                case "is_write": frame[column] = (rows["flags"] & 16) != 0
                case "event": frame[column] = event
                case _: frame[column] = rows[column].copy()
        frames.append(pd.DataFrame(frame))
    if not complete:
        raise ValueError(f"{path}: the trace is only partly written: it has no end record")
    return Trace(header, pd.concat(frames, ignore_index=True))


def _binary(path, prelude, piece):
    if int.from_bytes(prelude[8:12], "little") != 1 or int.from_bytes(prelude[20:24], "little") != RECORD.itemsize:
        raise ValueError(f"{path}: not version 1 of the format")
    length = int.from_bytes(prelude[16:20], "little")
    with open(path, "rb") as file:
        file.seek(64)
        header = json.loads(file.read(length))
    start = 64 + (length + 63) // 64 * 64
    count = (path.stat().st_size - start) // RECORD.itemsize

    def pieces():
        with open(path, "rb") as file:
            file.seek(start)
            for first in range(0, count, piece):
                yield np.fromfile(file, RECORD, min(piece, count - first))

    return header, pieces()


def _number(value) -> int:
    return int(value, 16) if isinstance(value, str) else int(value)


def _json(path, piece):
    file = open(path, encoding="utf-8")
    header = json.loads(file.readline())
    if header.get("schema") != "triad.trace" or header.get("version") != 1:
        file.close()
        raise ValueError(f"{path}: not a trace of version 1")
    names = {key: {name: number for number, name in reversed(list(enumerate(header[key])))}
             for key in ("registers", "causes", "exits", "stops")}

    def code(kind, members):
        key, vocabulary = _CODES.get(kind, ("code", None))
        value = members.get(key, members.get("code", 0))
        if isinstance(value, str) and vocabulary and value in names[vocabulary]:
            return names[vocabulary][value]
        return _number(value)

    def record(members):
        kind = members["k"]
        word = KINDS.get(kind, str(kind)) if isinstance(kind, int) else kind
        fields = _FIELDS.get(word, {})
        get = lambda field, general: _number(members.get(fields.get(field, general), members.get(general, 0)))
        flags = members.get("m", 0) | (16 if members.get("w") else 0) | members.get("f", 0) << 5
        insn = bytes.fromhex(members.get("insn", ""))
        return (NUMBERS.get(kind, kind), flags, members.get("cpu", 0), code(word, members), _number(members.get("n", 0)),
                _number(members.get("pc", 0)), get("address", "addr"), get("value", "value"), get("aux", "aux"),
                np.frombuffer(insn.ljust(15, b"\0") + bytes([len(insn)]), "u1"))

    def records():
        for line in file:
            members = json.loads(line)
            if isinstance(members["k"], str) and members["k"] not in NUMBERS:
                continue
            head = record(members)
            yield head
            place = (head[1] & 15, head[2])
            for kind, address, size, value in members.get("mem", []):
                yield (17 if kind == "r" else 18, *place, 0, head[4], 0, _number(address), _number(value), size, _NONE)
            for name, value in members.get("regs", {}).items():
                number = int(name[1:]) if name.startswith("#") else names["registers"][name]
                yield (16, *place, number, head[4], 0, 0, _number(value), 0, _NONE)
            for effect in members.get("fx", []):
                yield record(effect)

    def pieces():
        with file:
            batch = []
            for row in records():
                batch.append(row)
                if len(batch) >= piece:
                    yield np.array(batch, RECORD)
                    batch = []
            yield np.array(batch, RECORD)

    return header, pieces()


_NONE = np.zeros(16, "u1")


def diff(first: Trace, second: Trace, kinds=("retire", "trap", "interrupt", "device", "halt", "register", "read", "write")):
    """The records of the guest that differ, side by side, from the first difference on; empty when there are none.

    It pairs the n-th with the n-th, as `triad diff` does up to the first difference; what comes after it is only context.
    """
    columns = ["kind", "code", "clock", "pc", "address", "value", "aux", "mode"]
    numbers = [NUMBERS[kind] for kind in kinds]
    sides = [trace.records[trace.records["kind"].isin(numbers)][columns].reset_index(drop=True) for trace in (first, second)]
    shorter = min(len(side) for side in sides)
    unequal = (sides[0][:shorter].to_numpy() != sides[1][:shorter].to_numpy()).any(axis=1)
    at = int(np.argmax(unequal)) if unequal.any() else shorter
    if at == shorter and len(sides[0]) == len(sides[1]):
        return pd.DataFrame()
    # A type that has "nothing" for numbers, where one trace is longer.
    rests = [side[at:].astype({column: "Int64" if column in ("kind", "code", "mode") else "UInt64" for column in columns})
             for side in sides]
    joined = rests[0].join(rests[1], how="outer", suffixes=("_first", "_second"))
    for side in ("first", "second"):
        joined[f"kind_{side}"] = joined[f"kind_{side}"].map(KINDS)
    return joined
