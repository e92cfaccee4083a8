#!/usr/bin/env bash
# Records how often KVM comes back to its user for port input and output in whole runs of the x86 nanobenchmarks.
# Argument: the `triad` to use. Needs /dev/kvm; writes recorded-kvm.csv beside this script.
set -euo pipefail
triad=$(realpath "$1")
cd "$(dirname "$0")"
{
  echo "# Exits of reason IO in a whole run of n operations; made by record-kvm.sh"
  echo "# on a host with KVM of flavour $(basename /sys/module/kvm_?*), Linux $(uname -r | cut -d. -f1,2)."
  echo "operation,n,exits"
  for n in 100 200 307; do
    "$triad" nano --isa x86 --count $n --json | python3 -c '
import json, sys
for row in json.load(sys.stdin)["rows"]:
    if row["engine"] == "virtualizer":
        print("%s,%d,%d" % (row["operation"], row["operations"], row["exits"].get("IO", 0)))'
  done
} >recorded-kvm.csv.new
mv recorded-kvm.csv.new recorded-kvm.csv
