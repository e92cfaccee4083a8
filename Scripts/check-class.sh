#!/usr/bin/env bash
# Grades a class of COUNT (200) copies of Lab01's solution, skeleton, wrong submissions and bad ones, ends the grader with SIGKILL in the
# middle, goes on, and compares all reports byte by byte with those of a run without a kill, one at a time.
# Arguments: the `triad` to use, COUNT, jobs of the killed run (2).
set -euo pipefail
cd "$(dirname "$0")/.."
triad=$(realpath "${1:-.build/release/triad}")
count=${2:-200}
jobs=${3:-2}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
solution=Labs/Solutions/Lab01/Interpreter.swift

number=0
add() { # NAME: makes the next submission's folder.
  number=$((number + 1))
  place=$work/class/$(printf 's%03d-%s' "$number" "$1")
  mkdir -p "$place"
}
while [ "$number" -lt "$count" ]; do
  add solution && cp "$solution" "$place"
  add skeleton && cp Labs/Lab01/Sources/Interpreter.swift "$place"
  for change in Labs/Solutions/Lab01/wrong/*.sed; do
    add "$(basename "$change" .sed)" && sed -f "$change" "$solution" >"$place/Interpreter.swift"
  done
  add empty
  add broken && echo 'public enum Interpreter {' >"$place/Interpreter.swift"
  add binary && head -c 4096 /dev/urandom >"$place/Interpreter.swift"
  add "blank and 'quote'" && cp "$solution" "$place"
done
find "$work/class" -mindepth 1 -maxdepth 1 | sort | tail -n +$((count + 1)) | while read -r place; do rm -r "$place"; done

seconds() { date +%s.%N; }
run() { # OUT JOBS; in a subshell of its own the grader takes its place, so that a signal to it reaches the grader.
  exec "$triad" grade Lab01 --submissions "$work/class" --seeds student --format gradescope -o "$work/$1" --jobs "$2"
}
"$triad" grade Lab01 --prepare
start=$(seconds)
(run killed "$jobs") >/dev/null &
process=$!
until [ "$(find "$work/killed/reports" -name '*.json' 2>/dev/null | wc -l)" -ge $((count / 2)) ]; do
  kill -0 "$process" 2>/dev/null || { echo "the run ended before it was killed" >&2; exit 1; }
  sleep 0.2
done
kill -KILL "$process"
wait "$process" 2>/dev/null || true
done=$(find "$work/killed/reports" -name '*.json' | wc -l)
for file in "$work"/killed/reports/*.json; do python3 -m json.tool "$file" >/dev/null || { echo "$file is not whole" >&2; exit 1; }; done
touch "$work/mark"
(run killed "$jobs") >"$work/table"
tail -n 1 "$work/table"
again=$(find "$work/killed/reports" -name '*.json' -newer "$work/mark" | wc -l)
echo "killed with $done of $count done; $again were graded after it; $(echo "$(seconds) - $start" | bc) s in all with $jobs jobs"
[ $((done + again)) -eq "$count" ] || { echo "finished submissions were graded again" >&2; exit 1; }

start=$(seconds)
(run whole 1) >"$work/table-whole"
echo "without a kill: $(echo "$(seconds) - $start" | bc) s, one at a time"
find "$work/killed" -name '.*' -type f -delete
diff -r "$work/killed" "$work/whole"
diff <(head -n "$count" "$work/table") <(head -n "$count" "$work/table-whole")
(run whole 2) | tail -n 1 | grep -q "$count submissions, $count of them graded before"
diff -r "$work/killed" "$work/whole"
echo "the same in every byte: $(find "$work/whole" -type f | wc -l) files"
