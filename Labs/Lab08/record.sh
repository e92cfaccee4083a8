#!/usr/bin/env bash
# Makes the recordings anew: builds the lab's runner with the solution, and runs the guests on this computer's /dev/kvm.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Beside the package that it depends on, a copy of the labs in which the solution is the student's file.
for file in Package.swift Sources Tests; do ln -s "$top/$file" "$work/$file"; done
cp -r "$top/Labs" "$work/Labs"
cp "$work/Labs/Solutions/Lab08/VMM.swift" "$work/Labs/Lab08/Sources/VMM.swift"
swift build -c release --package-path "$work/Labs" --product Lab08Runner --scratch-path "$work/build"
"$top/Labs/Lab08/record.py" "$work/build/release/Lab08Runner"
