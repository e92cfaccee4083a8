#!/usr/bin/env python3
"""Grades a class on several machines with Dask: one `triad grade` a submission, then one merge.

    python3 Labs/Examples/dask_grade.py Lab01 class grades --scheduler tcp://head:8786
    python3 Labs/Examples/dask_grade.py Lab01 class grades            # a cluster on this machine

`class` has a folder for each submission; it, `grades` and the repository must be at the same place on all machines. Each
machine builds what submissions share in its own --work folder. Needs `pip install distributed`.
A submission that is graded already is not graded again.
"""

import argparse
import pathlib
import subprocess
import sys

from distributed import Client, as_completed


def command(options, *words):
    return [str(options.triad), "grade", options.lab, "--labs", str(options.labs), *words]


def prepare(options):
    """Builds the framework on the machine of one worker."""
    subprocess.run(command(options, "--work", options.work, "--prepare"), check=True)


def grade(options, name):
    """Grades one submission; the report is written whole or not at all."""
    whose = ["--student", name] if options.seeds == "student" else ["--seed", "1"]
    result = subprocess.run(
        command(
            options, "--work", options.work, "--submission", str(options.submissions / name), *whose,
            "--format", "json", "-o", str(options.results / "reports" / f"{name}.json"),
        ),
        capture_output=True, text=True,
    )
    # 1 means that points are missing, which is no error.
    return "" if result.returncode <= 1 else result.stderr.strip() or f"ended with {result.returncode}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lab")
    parser.add_argument("submissions", type=pathlib.Path)
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("--scheduler", help="address of a Dask scheduler; without it, a cluster on this machine")
    parser.add_argument("--workers", type=int, default=2, help="of the cluster on this machine")
    parser.add_argument("--seeds", choices=["same", "student"], default="same")
    parser.add_argument("--format", default="text", help="of the files for each student")
    parser.add_argument("--triad", type=pathlib.Path, default=".build/release/triad")
    parser.add_argument("--labs", type=pathlib.Path, default="Labs")
    parser.add_argument("--work", default="/tmp/triad-grading", help="folder on each machine for what is built")
    options = parser.parse_args()
    for name in ("submissions", "results", "triad", "labs"):
        setattr(options, name, getattr(options, name).resolve())

    names = sorted(p.name for p in options.submissions.iterdir() if p.is_dir() and not p.name.startswith("."))
    reports = options.results / "reports"
    reports.mkdir(parents=True, exist_ok=True)
    waiting = [name for name in names if not (reports / f"{name}.json").exists()]
    if options.scheduler:
        client = Client(options.scheduler)
    else:
        client = Client(n_workers=options.workers, threads_per_worker=1, dashboard_address=None)
    with client:
        # One after another where workers share a machine; the second finds everything built.
        client.run(prepare, options)
        tasks = {client.submit(grade, options, name, pure=False): name for name in waiting}
        for number, task in enumerate(as_completed(tasks), 1):
            problem = task.result()
            print(f"{number} of {len(waiting)}  {tasks[task]}  {problem}", flush=True)

    # Finds all reports done, grades what changed or failed, and writes the table.
    merge = ["--submissions", str(options.submissions), "-o", str(options.results), "--format", options.format]
    if options.seeds == "student":
        merge += ["--seeds", "student"]
    return subprocess.run(command(options, "--work", options.work, *merge)).returncode


if __name__ == "__main__":
    sys.exit(main())
