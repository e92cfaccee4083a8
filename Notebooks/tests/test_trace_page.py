"""The Python on the page of the trace format reads what `triad` writes, and agrees with the helper's reader."""

import contextlib
import io
import pathlib
import re
import sys

NOTEBOOKS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(NOTEBOOKS))
import triadlab
from triadlab import traces


def test_the_page_reads_a_trace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    triadlab.triad("trace", "fib", "--level", "instructions", "-o", "sum.bin")
    pathlib.Path("sum.bin").rename("sum.trace")
    code = re.findall(r"^```python\n(.*?)^```", (NOTEBOOKS.parent / "Docs/TraceFormat.md").read_text(), re.S | re.M)
    assert len(code) == 2
    names = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for block in code:
            exec(block, names)
    helper = traces.read_trace("sum.trace").records
    for kind in (1, 16, 18):  # Retired instructions, register effects, stores.
        rows, same = names["rows"][names["rows"]["kind"] == kind], helper[helper["kind"] == kind]
        assert len(rows) > 0
        for column in ("code", "clock", "pc", "address", "value"):
            assert (rows[column] == same[column].to_numpy()).all(), column
    register = names["header"]["registers"].index("r3")
    assert names["r3"]["value"].tolist() == helper[(helper["kind"] == 16) & (helper["code"] == register)]["value"].tolist()
    assert len(names["stores"]) == (helper["kind"] == 18).sum()
