#!/bin/sh
# Types into `triad step` in a terminal of 80 by 24 (tmux), looks at what the terminal then shows, and runs scripts of
# commands on the toy engines.
#
# Usage: Scripts/check-stepper.sh [TRIAD]
#   TRIAD   the program, .build/release/triad if not given
#
# Needs tmux (Debian: tmux); 77 without it. Nothing depends on how fast the machine is: what is waited for is text.
set -u
cd "$(dirname "$0")/.." || exit 2
triad=$(realpath "${1:-.build/release/triad}") || exit 2
command -v tmux >/dev/null || { echo "tmux is not installed" >&2; exit 77; }
work=$(mktemp -d) || exit 2
server="triad-check-$$"
trap 'tmux -L "$server" kill-server 2>/dev/null; rm -rf "$work"' EXIT
failed=0

fail() {
  echo "FAIL: $*"
  failed=$((failed + 1))
}

screen() { tmux -L "$server" capture-pane -p -t step; }

# see TEXT: waits until the screen shows it, a minute at most.
see() {
  tries=0
  until screen | grep -qF -- "$1"; do
    tries=$((tries + 1))
    if [ $tries -gt 600 ]; then
      fail "the terminal does not show \`$1\`:"
      screen
      return
    fi
    sleep 0.1
  done
}

type_line() { tmux -L "$server" send-keys -t step -l -- "$1" && tmux -L "$server" send-keys -t step Enter; }

# open COMMAND: a terminal of 80 by 24 with it.
open() {
  tmux -L "$server" kill-session -t step 2>/dev/null
  tmux -L "$server" -f /dev/null new-session -d -s step -x 80 -y 24 "$1; echo ended with \$?; exec cat"
}

open "TERM=screen '$triad' step minos --on emulator,simulator"
see '(triad)'
see 'n=0 0x100 '
type_line 'si 3'
see 'n=3 '
# An empty line repeats the last one.
tmux -L "$server" send-keys -t step Enter
see 'n=6 '
type_line 'back 5'
see 'n=1 '
type_line 'break trap'
see 'breakpoint 1 at 0x164 (trap '
type_line 'continue'
see 'emulator, simulator agree'
type_line 'info registers'
see 'r15 '
type_line 'list'
see '=> '
type_line 'delete'
type_line 'p 6 * 7'
see '0x2a 42'
type_line 'nonsense'
see 'there is no command `nonsense`'
type_line 'quit'
see 'ended with 1'

# Ctrl-C ends a run that nothing else stops, not the stepper, on every engine and in lock step; one that comes before
# the run has begun only asks for a new prompt. The end of input ends the stepper.
printf '\353\376' >"$work/loop.bin"
engines="emulator simulator"
"$triad" doctor | grep -q "^kvm usable *yes" && engines="$engines virtualizer"
for engine in $engines emulator,simulator; do
  open "TERM=screen '$triad' step '$work/loop.bin' --isa x86 --mode 16 --on $engine"
  see '(triad)'
  type_line 'watch 0x9000,4'
  see 'watchpoint 1: change of 4 bytes at 0x9000'
  type_line 'continue'
  tries=0
  until screen | grep -qF 'interrupted' || [ $tries -gt 300 ]; do
    tmux -L "$server" send-keys -t step C-c
    tries=$((tries + 1))
    sleep 0.2
  done
  see 'interrupted'
  type_line 'p 6 * 7'
  see '0x2a 42'
  tmux -L "$server" send-keys -t step C-d
  see 'ended with 0'
done

# With NO_COLOR the terminal gets none, and without it some.
for variable in NO_COLOR=1 NO_COLOR=; do
  tmux -L "$server" kill-session -t step 2>/dev/null
  : >"$work/raw"
  tmux -L "$server" -f /dev/null new-session -d -s step -x 80 -y 24 "cat"
  tmux -L "$server" pipe-pane -t step -o "cat >'$work/raw'"
  tmux -L "$server" respawn-pane -k -t step "env TERM=screen $variable '$triad' step hello; exec cat"
  see '(triad)'
  type_line 'si'
  see 'n=1 '
  colours=$(grep -c "$(printf '\033')\\[[0-9;]*[1-9][0-9;]*m" "$work/raw")
  case $variable in
  NO_COLOR=1) [ "$colours" -eq 0 ] || fail "colour in spite of NO_COLOR" ;;
  *) [ "$colours" -gt 0 ] || fail "no colour in a terminal" ;;
  esac
done

# One script on every toy engine alone gives the same text but for the engine's name, and in lock step they agree.
cat >"$work/toy" <<'STEPS'
break trap if r1 == 2
continue
info registers
back 2
info registers
delete
event interrupt 2
tbreak puts
continue
finish
watch sp
continue
reverse-continue
delete
walk pc
list minos.asm:56
goto 60000
info registers
STEPS
first=
for engine in emulator simulator virtualizer; do
  "$triad" step minos --on "$engine" --commands "$work/toy" >"$work/toy.$engine.all" || fail "the script on $engine"
  sed 1d "$work/toy.$engine.all" >"$work/toy.$engine"
  grep -q '^n=60000 ' "$work/toy.$engine" || fail "the script on $engine does not come to its end"
  if [ -z "$first" ]; then
    first=$engine
  else
    diff "$work/toy.$first" "$work/toy.$engine" || fail "$engine and $first differ in the stepper"
  fi
done
printf 'goto 60000\n' >"$work/steps"
"$triad" step minos --on emulator,simulator,virtualizer --commands "$work/steps" >"$work/lock" || fail "lock step"
grep -q 'emulator, simulator, virtualizer agree' "$work/lock" || fail "lock step: the engines do not agree"
"$triad" step minos --on simulator,emulator --plant 23456 --commands "$work/steps" >"$work/lock"
[ $? -eq 1 ] || fail "lock step: a planted error gives no exit status 1"
grep -q 'n=23456' "$work/lock" || fail "lock step does not stop at the planted error"

# Mistakes in a file of commands are told with their line; the other lines are carried out.
printf 'si\n\nnonsense\nsi\nbreak nowhere\n' >"$work/steps"
"$triad" step hello --commands "$work/steps" >"$work/mistakes"
[ $? -eq 1 ] || fail "mistakes in a script give no exit status 1"
grep -qF "$work/steps:3: error: " "$work/mistakes" || fail "a mistake is not told with its line"
grep -qF "$work/steps:5: error: " "$work/mistakes" || fail "a mistake is not told with its line"
grep -q '^n=2 ' "$work/mistakes" || fail "a script ends with its first mistake"
"$triad" step hello --commands "$work/missing" >"$work/out" 2>"$work/mistakes" && fail "a missing script"
grep -qF "$work/missing" "$work/mistakes" || fail "a missing script is not told of"

# Nothing is wider than the terminal, and off a terminal there is neither a prompt nor colour.
printf 'help\ninfo all\nquit\n' | "$triad" step minos-x86-64 >"$work/plain" || fail "commands from a pipe"
if grep -q '(triad)' "$work/plain" || grep -q "$(printf '\033')" "$work/plain"; then
  fail "a prompt or colour off a terminal"
fi
awk 'length > 80 { print; wide = 1 } END { exit wide }' "$work/plain" || fail "lines wider than 80 characters"
[ $failed -eq 0 ] && echo "the stepper works in a terminal of 80 by 24"
exit $((failed > 0))
