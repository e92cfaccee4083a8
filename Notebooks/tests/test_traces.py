"""The helper's reader: both encodings give the same, and damage is said."""

import pathlib
import sys

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import triadlab
from triadlab import traces


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("traces")
    for ending in ("bin", "jsonl"):
        triadlab.triad("trace", "minos", "--on", "virtualizer", "--level", "instructions", "-o", folder / f"t.{ending}")
    return folder


def test_both_encodings_hold_the_same(files):
    binary, text = (traces.read_trace(files / f"t.{ending}") for ending in ("bin", "jsonl"))
    assert binary.header == text.header
    assert len(binary.records) > 200_000
    for column in traces.COLUMNS:
        assert (binary.records[column].to_numpy() == text.records[column].to_numpy()).all(), column


@pytest.mark.parametrize("piece", [1, 999, 1 << 20])
def test_pieces_do_not_matter(files, piece):
    kinds, columns = ["exit", "register"], ["clock", "event", "value"]
    if piece == 1:
        kinds = ["halt"]
    whole = traces.read_trace(files / "t.bin", kinds, columns)
    if piece > 1:
        other = traces.read_trace(files / "t.bin", kinds, columns, piece=piece)
        assert whole.records.equals(other.records)
    assert list(whole.records.columns) == columns and len(whole.records) > 0


def test_counts_are_those_of_the_command(files):
    report = triadlab.triad_json("compare", "minos", "--on", "simulator,virtualizer")["workloads"][0]["engines"][1]
    trace = traces.read_trace(files / "t.bin")
    assert trace.of("exit")["what"].value_counts().to_dict() == report["statistics"]["exits"]
    assert len(trace.of("retire")) == report["statistics"]["retired"]


def test_diff_finds_the_same_difference(files):
    words = ["popf-probe", "--variant", "popf"]
    first = triadlab.trace(*words, "--on", "simulator", level="instructions")
    second = triadlab.trace(*words, "--on", "virtualizer", level="instructions")
    assert traces.diff(first, first).empty
    found = traces.diff(first, second)
    report = triadlab.triad_json("compare", *words, "--on", "simulator,virtualizer")
    assert report["failed"]
    assert "ie" in triadlab.triad("compare", *words, "--on", "simulator,virtualizer")
    row = found.iloc[0]
    number = first.header["registers"].index("ie")
    assert (row["kind_first"], row["code_first"]) == ("register", number)


def test_damage_is_said(files, tmp_path):
    data = (files / "t.bin").read_bytes()
    (tmp_path / "short.bin").write_bytes(data[:-64])
    with pytest.raises(ValueError, match="partly written"):
        traces.read_trace(tmp_path / "short.bin")
    lines = (files / "t.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "short.jsonl").write_text("".join(lines[:-1]))
    with pytest.raises(ValueError, match="partly written"):
        traces.read_trace(tmp_path / "short.jsonl")
    with pytest.raises(ValueError, match="no columns"):
        traces.read_trace(files / "t.bin", columns=["colour"])


def test_errors_of_the_program_are_raised():
    with pytest.raises(RuntimeError, match="no built-in program"):
        triadlab.triad("run", "no-such-program")
