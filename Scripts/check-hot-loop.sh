#!/bin/sh
# Checks by disassembly that an emulator's fast loop has no reference counting, exclusivity checks,
# allocation or existential calls: the only calls allowed are the ones named below.
#
# Usage: Scripts/check-hot-loop.sh [toy|x86] [OBJECT-OR-BINARY]
# Without the first argument it looks at the toy machine's loop, without the second at the object files of
# the release build (`swift build -c release`).
# Exit status: 0 clean, 1 a forbidden call was found, 2 the check could not be made.
set -eu

objdump=$(command -v llvm-objdump || command -v objdump) || {
  echo "check-hot-loop: neither llvm-objdump nor objdump is installed" >&2
  exit 2
}

engine=toy
case ${1:-} in
  toy | x86)
    engine=$1
    shift
    ;;
esac
# Functions to look at, calls that are allowed, fewest instantiations of the loop, module.
if [ "$engine" = toy ]; then
  pattern='8FastLoopO[0-9]'
  allowed='OperationDecoder|CodeMap|8FastLoopO'
  # linear, linearCounted, paged, pagedCounted.
  least=4
  module=Emulator
else
  pattern='10X86Backend8FastLoopO3run'
  # Flags brought up to date, 128-bit division, and the standard library's unaligned load of an integer.
  allowed='9FastFlagsV|__udivti3|__umodti3|13loadUnaligned|8FastLoopO'
  least=1
  module=X86Backend
fi

if [ $# -gt 0 ]; then
  files=$*
else
  directory=$(dirname "$0")/../.build/release/$module.build
  files=$(find -L "$directory" -name '*.o' 2>/dev/null || true)
fi
[ -n "$files" ] || {
  echo "check-hot-loop: no release build: run 'swift build -c release' first" >&2
  exit 2
}

# The functions to look at; another pattern shows that the check can fail (try 10RunSession).
pattern=${HOT_FUNCTIONS:-$pattern}

# shellcheck disable=SC2086
"$objdump" -d -r --no-show-raw-insn $files | awk -v pattern="$pattern" -v allowed="$allowed" -v least="$least" -v engine="$engine" '
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
      && $0 !~ allowed {
    print "check-hot-loop: forbidden in " name " " $0
    bad++
  }
  END {
    if (bad) exit 1
    # Each instantiation of the loop is some hundred instructions long.
    if (functions < least || instructions < 1000) {
      print "check-hot-loop: found " functions + 0 " functions with " instructions + 0 \
        " instructions, expected " least " instantiations of the " engine " loop"
      exit 2
    }
    print "check-hot-loop: " engine ", " functions " functions, " instructions " lines, no reference counting"
  }'
