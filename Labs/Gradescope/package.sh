#!/usr/bin/env bash
# Makes the archive that is uploaded to Gradescope for a lab: Labs/Gradescope/package.sh LAB [same|student] [OUT.zip]
# `student` gives each student a seed of their own, from the e-mail address; `same` (the default) gives all the same.
set -euo pipefail
cd "$(dirname "$0")/../.."
lab=${1:?usage: Labs/Gradescope/package.sh LAB [same|student] [OUT.zip]}
seeds=${2:-same}
out=$(realpath -m "${3:-$lab.zip}")
[ -e "Labs/$lab/lab.json" ] || { echo "there is no lab $lab" >&2; exit 1; }
case $seeds in same | student) ;; *) echo "seeds are same or student, not $seeds" >&2; exit 1 ;; esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/triad"
# Without solutions, cheats and the package's own tests: what is not in the image cannot be read from it.
git ls-files -z -- Package.swift Sources Labs Tests/Mutants |
  grep -zv -e '^Labs/Solutions/' -e '^Labs/Cheats/' -e '^Labs/Gradescope/' |
  xargs -0 cp --parents -t "$work/triad"
# The package's test folders must be there.
sed -n 's/^ *tests("\([A-Za-z0-9]*\)".*/\1/p' Package.swift | while read -r name; do
  mkdir -p "$work/triad/Tests/$name"
  echo "import Testing" >"$work/triad/Tests/$name/None.swift"
done
echo "$lab" >"$work/lab.txt"
echo "$seeds" >"$work/seeds.txt"
cp Labs/Gradescope/setup.sh Labs/Gradescope/run_autograder "$work"
chmod +x "$work/setup.sh" "$work/run_autograder"
rm -f "$out"
(cd "$work" && python3 -c 'import shutil, sys; shutil.make_archive(sys.argv[1], "zip", ".")' "$work.archive")
mv "$work.archive.zip" "$out"
echo "$out: $(du -h "$out" | cut -f1)"
