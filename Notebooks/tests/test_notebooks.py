"""What the notebooks promise as texts: numbers are computed, never written; links lead somewhere; no outputs are kept."""

import json
import pathlib
import re

import pytest

FOLDER = pathlib.Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
# Names with a digit in them, which count and measure nothing.
NAMES = re.compile(r"`[^`]*`|\[[^]]*\]\([^)]*\)|x86|Theorem \d|theorems? \d to \d|ring \d|\b(?:16|32|64)-bit|Pentium|in \d{4}\b")
# Digits, and numbers as words where something is counted; "one" and "two" to "three" are how the stories speak.
NUMBERS = re.compile(r"\d|\b(?:four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|thousand|million|half|percent)\b", re.I)


def cells(path, kind):
    return ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == kind]


def test_there_are_notebooks():
    assert len(NOTEBOOKS) == 5


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_text_cells_state_no_numbers(path):
    written = [(match[0], line) for text in cells(path, "markdown") for line in text.split("\n")
               for match in NUMBERS.finditer(NAMES.sub("", line))]
    assert not written, "a number in a text cell; compute it in a cell"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_links_lead_somewhere_and_to_a_lab(path):
    targets = [target for text in cells(path, "markdown") for target in re.findall(r"\]\(([^)]+)\)", text)]
    missing = [target for target in targets if "://" not in target and not (FOLDER / target).exists()]
    assert not missing
    assert any(re.fullmatch(r"\.\./Labs/Lab\d\d/handout\.md", target) for target in targets), "no link to a lab"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_outputs_are_kept(path):
    kept = [cell["id"] for cell in json.loads(path.read_text())["cells"] if cell.get("outputs") or cell.get("execution_count")]
    assert not kept
