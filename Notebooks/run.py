#!/usr/bin/env python3
"""Executes the notebooks from top to bottom. Usage: run.py [--no-kvm] [--output FOLDER] [NOTEBOOK…]

With a folder, the executed notebooks go there; the ones here keep no outputs.
"""

import argparse
import os
import pathlib
import sys
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

here = pathlib.Path(__file__).resolve().parent
parser = argparse.ArgumentParser(description="Executes the notebooks from top to bottom.")
parser.add_argument("--no-kvm", action="store_true", help="as if the host had no KVM: recorded results")
parser.add_argument("--output", type=pathlib.Path, help="folder for the executed notebooks")
parser.add_argument("notebooks", nargs="*", type=pathlib.Path)
arguments = parser.parse_args()
if arguments.no_kvm:
    os.environ["TRIAD_NO_KVM"] = "1"
os.environ["PYTHONPATH"] = os.pathsep.join([str(here), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)

failed = False
for path in arguments.notebooks or sorted(here.glob("*.ipynb")):
    notebook = nbformat.read(path, as_version=4)
    kept = [cell["id"] for cell in notebook.cells if cell.cell_type == "code" and (cell.outputs or cell.execution_count)]
    start = time.monotonic()
    try:
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": here}}).execute()
        outcome = "ok"
    except CellExecutionError as error:
        outcome, failed = f"failed:\n{error}", True
    if kept:
        outcome, failed = f"{outcome}; outputs are kept in the file: strip them", True
    print(f"{path.name}: {outcome} ({time.monotonic() - start:.0f} s)", flush=True)
    if arguments.output:
        arguments.output.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, arguments.output / path.name)
sys.exit(1 if failed else 0)
