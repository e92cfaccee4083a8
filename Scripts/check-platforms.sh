#!/usr/bin/env bash
# Runs the Gradescope and Classroom 50 autograders on submissions of Lab01 that pass, fail, do not compile, are empty or could not be
# assessed, each in a made-up copy of the platform's folders, and checks what they write against the schemas. Uses .build/release/triad.
# Argument: a Python that has `jsonschema`.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-python3}
repository=$PWD
triad=$repository/.build/release/triad
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GRADER_USER=

mkdir -p "$work"/submissions/{passed,failed,broken,empty}
cp Labs/Solutions/Lab01/Interpreter.swift "$work/submissions/passed"
cp Labs/Lab01/Sources/Interpreter.swift "$work/submissions/failed"
echo 'public enum Interpreter {' >"$work/submissions/broken/Interpreter.swift"

echo "== Gradescope"
Labs/Gradescope/package.sh Lab01 student "$work/lab.zip"
for name in passed failed broken empty; do
  root=$work/gradescope/$name
  mkdir -p "$root/source"
  "$python" -m zipfile -e "$work/lab.zip" "$root/source"
  [ -s "$root/source/setup.sh" ] && [ -s "$root/source/run_autograder" ] && [ ! -e "$root/source/triad/Labs/Solutions" ]
  rm -r "$root/source/triad"
  # One that is built already.
  ln -s "$repository" "$root/source/triad"
  cp -r "$work/submissions/$name" "$root/submission"
  echo '{"users": [{"email": "grace@example.com", "name": "G"}, {"email": "Ada@example.com", "name": "A"}]}' \
    >"$root/submission_metadata.json"
  AUTOGRADER_ROOT=$root bash Labs/Gradescope/run_autograder >"$root/log" 2>&1 || { cat "$root/log"; exit 1; }
done
# Nothing works: there are results all the same.
root=$work/gradescope/trouble
mkdir -p "$root/source" "$root/submission"
echo Lab01 >"$root/source/lab.txt"
AUTOGRADER_ROOT=$root bash Labs/Gradescope/run_autograder >"$root/log" 2>&1

# What this host can assess, another may not: the report says so.
"$triad" grade Lab01 --submissions "$work/submissions" -o "$work/class" --format json >/dev/null
"$python" - "$work/class/reports/passed.json" <<'PYTHON'
import json, sys
report = json.load(open(sys.argv[1]))
report["parts"][1] |= {"outcome": "notAssessed", "points": 0, "maximum": 0, "message": "This needs KVM"}
json.dump(report, open(sys.argv[1], "w"))
PYTHON
for format in gradescope classroom50 junit; do
  "$triad" grade Lab01 --submissions "$work/submissions" -o "$work/class" --format $format >/dev/null
done

echo "== Classroom 50"
for name in passed failed broken; do
  place=$work/classroom50/$name
  mkdir -p "$place/autograder"
  cp -r "$work/submissions/$name" "$place/checkout"
  cp Labs/Classroom50/autograder.py "$place/autograder"
  echo Lab01 >"$place/autograder/lab.txt"
  (cd "$place/checkout" && git init -q && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x &&
    TRIAD_HOME=$repository CLASSROOM=c ASSIGNMENT=interpreter OWNER=ada SUBMISSION_TAG=submit/1 COMMIT_URL=https://example.com/c \
      RELEASE_URL=https://example.com/r python3 ../autograder/autograder.py)
done

"$python" - "$work" <<'PYTHON'
import json, pathlib, sys, xml.etree.ElementTree
import jsonschema

work = pathlib.Path(sys.argv[1])
checker = jsonschema.Draft202012Validator
schemas = {name: checker(json.load(open(f"Labs/{path}")))
           for name, path in [("gradescope", "Gradescope/results.schema.json"), ("classroom50", "Classroom50/result.schema.json")]}
scores = {}
for file in sorted(work.glob("gradescope/*/results/results.json")) + [work / "class/passed.results.json"]:
    result = json.load(open(file))
    schemas["gradescope"].validate(result)
    scores[file.parts[-3]] = result["score"]
    for test in result["tests"]:
        assert test["visibility"] == ("hidden" if "quicksort" in test["name"] else "visible"), test
        if test.get("status") == "failed" and test["output"] and test["visibility"] == "visible":
            again = f".build/release/triad grade Lab01 --submission Labs/Lab01/Sources --student ada@example.com --only {test['tags'][0]}"
            assert again in test["output"], test["output"]
assert scores["passed"] == 20 and scores["failed"] == scores["broken"] == scores["empty"] == scores["trouble"] == 0, scores
shown = json.load(open(work / "class/passed.results.json"))
assert "status" not in shown["tests"][1] and shown["tests"][1]["max_score"] == 0 and shown["score"] == 15, shown
for file in sorted(work.glob("classroom50/*/checkout/result.json")):
    result = json.load(open(file))
    schemas["classroom50"].validate(result)
    assert result["max-score"] == 2000 and result["score"] == (2000 if "passed" in str(file) else 0)
    assert all(not test["message"] for test in result["tests"] if "quicksort" in test["test-name"])
for file in sorted(work.glob("class/*.xml")):
    suite = xml.etree.ElementTree.parse(file).getroot()
    assert suite.tag == "testsuite" and int(suite.get("tests")) == len(suite.findall("testcase")) == 7
    assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
print("results.json, result.json and JUnit are what the platforms read; hidden messages stay hidden")
PYTHON
