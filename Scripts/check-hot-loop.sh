#!/bin/sh
# Checks by disassembly that an emulator's fast loop has no reference counting, exclusivity checks,
# allocation or existential calls: the only calls allowed are the ones named below.
#
# Usage: Scripts/check-hot-loop.sh [toy|x86] [OBJECT-OR-BINARY]
# Without the first argument it looks at the toy machine's loop, without the second at the object files of
# the release build (`swift build -c release`).
# First it looks at made-up disassemblies with an operation planted, and must find each.
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
  pattern='8Emulator8FastLoopO[0-9]'
  allowed='OperationDecoder|CodeMap|8FastLoopO'
  # linear, linearCounted, paged, pagedCounted.
  least=4
  sample='$s8Emulator8FastLoopO6linear'
  module=Emulator
else
  pattern='10X86Backend8FastLoopO3run'
  # Flags brought up to date, 128-bit division, and the standard library's unaligned load of an integer.
  allowed='9FastFlagsV|__udivti3|__umodti3|13loadUnaligned|8FastLoopO'
  least=1
  sample='$s10X86Backend8FastLoopO3run'
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
sample_pattern=$pattern
pattern=${HOT_FUNCTIONS:-$pattern}

# Judges the disassembly on its input.
judge() {
  awk -v pattern="$pattern" -v allowed="$allowed" -v least="$least" -v engine="$engine" '
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
}

# A disassembly that passes, with a line more for each instantiation of the loop.
planted() {
  awk -v least="$least" -v sample="$sample" -v line="$1" 'BEGIN {
    for (loop = 0; loop < least; loop++) {
      print "0000000000001000 <" sample loop ">:"
      print "    1000:\tcall\t2000 <" sample "_help>"
      for (i = 0; i < 1000; i++) print "    1004:\tadd\trax, rbx"
      if (line != "") print "    1010:\t" line
    }
  }'
}

planted "" | (pattern=$sample_pattern judge) >/dev/null || {
  echo "check-hot-loop: does not pass what is clean" >&2
  exit 2
}
for line in "call	3000 <swift_retain@plt>" "callq	3000 <swift_release>" "call	3000 <swift_beginAccess@plt>" \
  "call	3000 <swift_allocObject>" "call	*0x18(%rax)" "R_X86_64_PLT32	swift_retain-0x4" \
  "call	4000 <\$sSa6appendyyxnF>"; do
  if planted "$line" | (pattern=$sample_pattern judge) >/dev/null; then
    echo "check-hot-loop: does not see a planted '$line'" >&2
    exit 2
  fi
done

# shellcheck disable=SC2086
"$objdump" -d -r --no-show-raw-insn $files | judge
