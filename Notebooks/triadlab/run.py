"""Runs the `triad` program."""

import functools
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from .traces import Trace, read_trace

_FOLDER = pathlib.Path(__file__).resolve().parent.parent
RECORDED = _FOLDER / "recorded"


class Unavailable(RuntimeError):
    """What was asked for cannot be done on this host."""


@functools.cache
def program() -> str:
    """Path of `triad`: `$TRIAD`, or the release or debug build of this repository, or on the PATH."""
    candidates = [os.environ.get("TRIAD")]
    candidates += [str(_FOLDER.parent / ".build" / kind / "triad") for kind in ("release", "debug")]
    candidates.append(shutil.which("triad"))
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return str(pathlib.Path(candidate).resolve())
    raise Unavailable("no `triad`: run `swift build -c release` in the repository, or set TRIAD to the program")


def triad(*words: str, statuses=(0, 1, 4, 5)) -> str:
    """What `triad` prints; raises `Unavailable` where the host lacks a feature, `RuntimeError` for other trouble."""
    done = subprocess.run([program(), *map(str, words)], capture_output=True, text=True)
    if done.returncode == 77:
        raise Unavailable(done.stderr.strip())
    if done.returncode not in statuses:
        raise RuntimeError(f"triad {' '.join(map(str, words))} ended with {done.returncode}:\n{done.stderr.strip()}")
    return done.stdout


def triad_json(*words: str):
    """The same with `--json`, as Python values."""
    return json.loads(triad(*words, "--json"))


def trace(*words: str, level: str = "events", **options) -> Trace:
    """Runs a program with `triad trace` and reads the trace; options as for `read_trace`."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "trace.bin"
        triad("trace", *words, "--level", level, "-o", str(path))
        return read_trace(path, **options)


@functools.cache
def have_kvm() -> bool:
    """Whether guests run under KVM here; `TRIAD_NO_KVM=1` says no."""
    if os.environ.get("TRIAD_NO_KVM"):
        return False
    return bool(triad_json("doctor").get("kvmUsable"))


def live_or_recorded(name: str, *words: str):
    """JSON of a command that needs KVM, or where there is none what is kept in `recorded`; and which of them it is."""
    if have_kvm():
        return triad_json(*words), "this host"
    with open(RECORDED / f"{name}.json") as file:
        return json.load(file), "recorded"
