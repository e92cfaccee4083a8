#!/bin/sh
# Checks by disassembly that the emulator's fast loop has no reference counting, exclusivity checks,
# allocation or existential calls: the only calls allowed are the ones named below.
#
# Usage: Scripts/check-hot-loop.sh [OBJECT-OR-BINARY]
# Without an argument it looks at the object files of the release build (`swift build -c release`).
# Exit status: 0 clean, 1 a forbidden call was found, 2 the check could not be made.
set -eu

objdump=$(command -v llvm-objdump || command -v objdump) || {
  echo "check-hot-loop: neither llvm-objdump nor objdump is installed" >&2
  exit 2
}

if [ $# -gt 0 ]; then
  files=$*
else
  directory=$(dirname "$0")/../.build/release/Emulator.build
  files=$(find -L "$directory" -name '*.o' 2>/dev/null || true)
fi
[ -n "$files" ] || {
  echo "check-hot-loop: no release build: run 'swift build -c release' first" >&2
  exit 2
}

# The functions to look at; another pattern shows that the check can fail (try 10RunSession).
pattern=${HOT_FUNCTIONS:-8FastLoopO[0-9]}

# shellcheck disable=SC2086
"$objdump" -d -r --no-show-raw-insn $files | awk -v pattern="$pattern" '
  /^[0-9a-f]+ <.*>:/ {
    hot = ($0 ~ pattern)
    if (hot) { functions++; name = $2 }
    next
  }
  !hot { next }
  { instructions++ }
  /swift_/ { print "check-hot-loop: forbidden in " name " " $0; bad++; next }
  # A call, or the relocation of one; in an object file the call itself seems to go to its own function.
  (/[[:space:]](call|callq|bl|blr)[[:space:]]/ || /R_[A-Z0-9_]*(PLT32|CALL26|JUMP26)/) \
      && !/OperationDecoder|CodeMap|8FastLoopO/ {
    print "check-hot-loop: forbidden in " name " " $0
    bad++
  }
  END {
    if (bad) exit 1
    # linear, linearCounted, paged, pagedCounted, each some hundred instructions long.
    if (functions < 4 || instructions < 1000) {
      print "check-hot-loop: found " functions + 0 " functions with " instructions + 0 \
        " instructions, expected four instantiations of the loop"
      exit 2
    }
    print "check-hot-loop: " functions " functions, " instructions " lines, no reference counting"
  }'
