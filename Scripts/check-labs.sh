#!/usr/bin/env bash
# Proves of each lab that the solution gets full marks, the files that students start from none, wrong submissions
# what `wrong/expected.csv` says (there also `skeleton,POINTS`, where it is not 0; a third column has the points where
# the host lacks what some exercises need), and cheats nothing. Arguments: the
# `triad` to use, and labs (all if none).
set -euo pipefail
cd "$(dirname "$0")/.."
triad=$(realpath "${1:-.build/release/triad}")
shift || true
labs=("$@")
[ ${#labs[@]} -gt 0 ] || labs=($(cd Labs && ls -d Lab[0-9]*))

# The student's files among those of a folder.
files() {
  find "$1" -maxdepth 1 -type f ! -name '.*' | sort
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$triad" labs skeletons --check

for lab in "${labs[@]}"; do
  class=$work/$lab
  mkdir -p "$class/solution" "$class/skeleton"
  files Labs/Solutions/"$lab" | xargs -I{} cp {} "$class/solution"
  files Labs/"$lab"/Sources | xargs -I{} cp {} "$class/skeleton"
  for change in Labs/Solutions/"$lab"/wrong/*.sed; do
    name=$(basename "$change" .sed)
    mkdir "$class/wrong-$name"
    files Labs/Solutions/"$lab" | while read -r file; do
      sed -f "$change" "$file" >"$class/wrong-$name/$(basename "$file")"
    done
    if diff -rq "$class/solution" "$class/wrong-$name" >/dev/null; then
      echo "$change changes nothing" >&2
      exit 1
    fi
  done
  if [ "$lab" = Lab01 ]; then
    for cheat in Labs/Cheats/*/; do
      cp -r "$cheat" "$class/cheat-$(basename "$cheat")"
    done
    # What cannot be kept in a repository well.
    mkdir "$class/cheat-link" "$class/cheat-folder" "$class/cheat-binary" "$class/cheat-huge" "$class/cheat-empty"
    ln -s "$(realpath Labs/Solutions/Lab01/Interpreter.swift)" "$class/cheat-link/Interpreter.swift"
    mkdir "$class/cheat-folder/Interpreter.swift"
    head -c 4096 /dev/urandom >"$class/cheat-binary/Interpreter.swift"
    head -c 3000000 /dev/zero | tr '\0' ' ' >"$class/cheat-huge/Interpreter.swift"
  fi
  "$triad" grade "$lab" --submissions "$class" -o "$work/$lab-grades" --format gradescope --jobs 2
  python3 - "$work/$lab-grades/grades.csv" "Labs/Solutions/$lab/wrong/expected.csv" <<'PYTHON'
import csv, sys
total = {r["submission"]: (float(r["points"]), float(r["maximum"]))
         for r in csv.DictReader(open(sys.argv[1])) if r["exercise"] == "TOTAL"}
lacking = any(r["outcome"] == "notAssessed" for r in csv.DictReader(open(sys.argv[1])))
expected = {row[0] if row[0] == "skeleton" else f"wrong-{row[0]}": float(row[-1] if lacking else row[1])
            for row in csv.reader(open(sys.argv[2]))}
bad = []
for name, (points, maximum) in sorted(total.items()):
    if name == "solution":
        good = points == maximum
    elif name.startswith("wrong-"):
        good = points == expected.get(name) and 0 < points < maximum
    else:
        good = points == expected.get(name, 0)
    if not good:
        bad.append(f"{name}: {points} of {maximum}")
missing = set(expected) - set(total)
print(f"{len(total)} submissions; not as they should be: {', '.join(bad) or 'none'}; missing: {', '.join(missing) or 'none'}")
sys.exit(1 if bad or missing else 0)
PYTHON
done
