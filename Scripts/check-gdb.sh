#!/bin/sh
# Debugs the 16-, 32- and 64-bit programs with gdb, and with the stepper, on every engine that this host has: the same
# commands must lead to the same places with the same registers.
#
# Usage: Scripts/check-gdb.sh [TRIAD]
#   TRIAD   the program, .build/release/triad if not given
#
# Needs gdb (Debian: gdb); 77 without it.
set -u
cd "$(dirname "$0")/.." || exit 2
triad=$(realpath "${1:-.build/release/triad}") || exit 2
command -v gdb >/dev/null || { echo "gdb is not installed" >&2; exit 77; }
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
engines=${TRIAD_ENGINES:-emulator simulator}
[ -n "${TRIAD_ENGINES:-}" ] || { "$triad" doctor | grep -q "^kvm usable *yes" && engines="$engines virtualizer"; }
failed=0

fail() {
  echo "FAIL $*"
  failed=$((failed + 1))
}

# debug PROGRAM ENGINE ADDRESS: runs gdb with the commands of standard input; what it shows goes to standard output.
debug() {
  rm -f "$work/socket"
  "$triad" run "$1" --on "$2" --gdb "$3" --wait >"$work/guest" 2>&1 &
  guest=$!
  target=
  tries=0
  while [ -z "$target" ] && [ $tries -lt 100 ]; do
    target=$(sed -n 's/^\[gdb: target remote \(.*\)\]$/\1/p' "$work/guest" 2>/dev/null)
    tries=$((tries + 1))
    [ -n "$target" ] || sleep 0.1
  done
  {
    echo "set confirm off"
    echo "set pagination off"
    echo "set width 0"
    echo "target remote $target"
    cat
  } >"$work/commands"
  timeout 120 gdb -nx -batch -x "$work/commands" 2>"$work/errors"
  # A guest that gdb left standing waits for another gdb.
  tries=0
  while kill -0 "$guest" 2>/dev/null && [ $tries -lt 50 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
  kill "$guest" 2>/dev/null
  wait "$guest"
}

# One program: where it has a breakpoint, and a place further on; the names of two registers, and bytes that a push takes.
check() {
  program=$1 place=$2 second=$3 pc=$4 sp=$5 word=$6
  first=
  for engine in $engines; do
    debug "$program" "$engine" "unix:$work/socket" >"$work/$program.$engine" <<GDB
break *$place
continue
info registers
x/4i \$pc
hbreak *$second
continue
stepi 3
info registers $pc $sp eflags
reverse-stepi 2
p \$$pc
reverse-continue
p/x \$$pc
reverse-continue
p/x \$$pc
reverse-continue
p/x \$$pc
delete
tbreak *$place
continue
watch -location *(int*)(\$$sp - $word)
continue
x/i \$pc
reverse-continue
p/x \$$pc
delete
monitor walk $place
set var \$$sp = \$$sp
continue
GDB
    if grep -qE 'rejected|Remote failure|not supported|Cannot|E[0-9][0-9]$' "$work/$program.$engine" "$work/errors"; then
      fail "$program on $engine: gdb complains"
      cat "$work/errors"
    fi
    grep -q 'exited' "$work/$program.$engine" || fail "$program on $engine: the guest did not end"
    grep -qi "$(printf '%x' $((place)))" "$work/$program.$engine" || fail "$program on $engine: no stop at $place"
    if [ -z "$first" ]; then
      first=$engine
    elif ! diff "$work/$program.$first" "$work/$program.$engine"; then
      fail "$program: $engine and $first differ under gdb"
    fi
    # The stepper's script, with the same breakpoint.
    printf 'break %s\ncontinue\ninfo registers\n' "$place" >"$work/steps"
    "$triad" step "$program" --on "$engine" --commands "$work/steps" >"$work/step.$program.$engine" ||
      fail "$program on $engine: the stepper's script"
    for register in cx dx bx bp si di; do
      name=$(case $program in long64) echo "r$register" ;; *) echo "e$register" ;; esac)
      gdb=$(sed -n "s/^$name *\(0x[0-9a-f]*\).*/\1/p" "$work/$program.$engine" | head -1)
      ours=$(sed -n "s/.*\br$register *\(0x[0-9a-f]*\).*/\1/p" "$work/step.$program.$engine" | head -1)
      [ -n "$gdb" ] && [ "$gdb" = "$ours" ] ||
        fail "$program on $engine: $name is $gdb under gdb and $ours under the stepper"
    done
  done
  echo "$program: $engines"
}

check real16 0x7c07 0x7c09 eip esp 4
check protected32 0x100060 0x100400 eip esp 4
check long64 0x100018 0x100080 rip rsp 8

# A port of the loopback interface, a run that is interrupted from outside, and one that is left alone.
debug long64 emulator tcp:0 >"$work/tcp" <<GDB
stepi
detach
GDB
grep -q 'detached' "$work/tcp" || fail "tcp: gdb could not detach"
grep -q 'long64: matrix crc 75814846' "$work/guest" || fail "tcp: the guest did not run on alone"
grep -q '127.0.0.1' "$work/guest" || fail "tcp: not on the loopback interface"

[ $failed -eq 0 ] && echo "gdb and stepper agree"
exit $((failed > 0))
