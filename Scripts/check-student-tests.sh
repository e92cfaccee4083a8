#!/usr/bin/env bash
# Proves that `swift test`, as students run it in Labs, passes with the solutions in place of the students' files and fails with the
# students' files as they are. Arguments: labs (all if none). The files are put back at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
labs=("$@")
[ ${#labs[@]} -gt 0 ] || mapfile -t labs < <(cd Labs && find . -mindepth 2 -maxdepth 2 -name lab.json -printf '%h\n' | sed 's|^\./||' | sort)
filter=()
for lab in "${labs[@]}"; do filter+=(--filter "LabTests.$lab/"); done
# Built in the folder of the package itself, so that its modules are compiled once for both.
run() { swift test --package-path Labs --scratch-path .build --disable-xctest "${filter[@]}"; }

saved=$(mktemp -d)
restore() {
  for lab in "${labs[@]}"; do
    [ ! -d "$saved/$lab" ] || { rm -rf "Labs/$lab/Sources" && cp -rp "$saved/$lab" "Labs/$lab/Sources"; }
  done
  rm -rf "$saved"
}
for lab in "${labs[@]}"; do cp -rp "Labs/$lab/Sources" "$saved/$lab"; done
trap restore EXIT

if run >"$saved/log" 2>&1; then
  echo "the students' files pass as they are" >&2
  exit 1
fi
grep -E '^Score: ' "$saved/log" | sort | uniq -c || { cat "$saved/log"; exit 1; }
for lab in "${labs[@]}"; do
  find "Labs/Solutions/$lab" -maxdepth 1 -type f ! -name '.*' -exec cp {} "Labs/$lab/Sources" \;
done
if ! run >"$saved/log" 2>&1; then
  cat "$saved/log"
  exit 1
fi
grep -E '^Lab[A-Za-z0-9]+  |^Score: ' "$saved/log"
