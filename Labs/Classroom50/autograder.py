#!/usr/bin/env python3
"""Grades the student's checkout in the working folder for Classroom 50 and writes ./result.json.

Put this file into CLASSROOM/autograders/ASSIGNMENT with a file `lab.txt` that names the lab (without it, the assignment's name is
the lab's) and, for a seed of each student's own, a file `seeds.txt` with the word `student`. The runner's container
needs Triad, built with `swift build -c release` and `triad grade LAB --prepare`, at $TRIAD_HOME (/opt/triad).
Scores are in hundredths of points, because they must be whole numbers.
"""

import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TRIAD = pathlib.Path(os.environ.get("TRIAD_HOME", "/opt/triad"))


def setting(name, default):
    file = HERE / name
    return file.read_text(encoding="utf-8").strip() if file.exists() else default


def commit_time():
    """When the graded commit was made; a regrade must not change it."""
    shown = subprocess.run(["git", "log", "-1", "--format=%ct"], capture_output=True, text=True)
    seconds = int(shown.stdout) if shown.returncode == 0 else int(os.environ.get("SOURCE_DATE_EPOCH", 0))
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def main():
    lab = setting("lab.txt", os.environ["ASSIGNMENT"])
    owner = os.environ.get("OWNER") or os.environ["USERNAME"]
    whose = ["--student", owner] if setting("seeds.txt", "same") == "student" else ["--seed", "1"]
    with tempfile.TemporaryDirectory() as place:
        graded = pathlib.Path(place, "result.json")
        # What it prints could tell of hidden exercises, and the log is the student's to read.
        run = subprocess.run(
            [TRIAD / ".build/release/triad", "grade", lab, "--labs", TRIAD / "Labs", "--submission", os.getcwd(), *whose,
             "--format", "classroom50", "-o", graded],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        # 0 is full marks and 1 is not; all else is no fault of the student.
        if run.returncode > 1 or not graded.exists():
            print(f"::error::triad grade ended with {run.returncode}: {run.stderr}", file=sys.stderr)
            return 1
        result = json.loads(graded.read_text(encoding="utf-8"))
    commit = os.environ["COMMIT_URL"]
    result |= {
        "classroom": os.environ["CLASSROOM"], "assignment": os.environ["ASSIGNMENT"], "owner": owner,
        "submission": os.environ["SUBMISSION_TAG"], "commit": commit, "release": os.environ["RELEASE_URL"],
        "review": os.environ.get("REVIEW_URL") or commit, "datetime": commit_time(),
    }
    pathlib.Path("result.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
