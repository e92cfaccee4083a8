#!/bin/sh
# Types into `triad step` in a terminal of 80 by 24 (tmux), and looks at what the terminal then shows.
#
# Usage: Scripts/check-stepper.sh [TRIAD]
#   TRIAD   the program, .build/release/triad if not given
#
# Needs tmux (Debian: tmux); 77 without it.
set -u
cd "$(dirname "$0")/.." || exit 2
triad=$(realpath "${1:-.build/release/triad}") || exit 2
command -v tmux >/dev/null || { echo "tmux is not installed" >&2; exit 77; }
work=$(mktemp -d) || exit 2
server="triad-check-$$"
trap 'tmux -L "$server" kill-server 2>/dev/null; rm -rf "$work"' EXIT
failed=0

screen() { tmux -L "$server" capture-pane -p -t step; }

# see TEXT: waits until the screen shows it.
see() {
  tries=0
  until screen | grep -qF -- "$1"; do
    tries=$((tries + 1))
    if [ $tries -gt 100 ]; then
      echo "FAIL: the terminal does not show \`$1\`:"
      screen
      failed=$((failed + 1))
      return
    fi
    sleep 0.1
  done
}

type_line() { tmux -L "$server" send-keys -t step -l -- "$1" && tmux -L "$server" send-keys -t step Enter; }

tmux -L "$server" -f /dev/null new-session -d -s step -x 80 -y 24 "TERM=screen '$triad' step minos --on emulator,simulator; echo ended with \$?; sleep 60"
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
# Ctrl-C ends a run, not the stepper.
type_line 'delete'
type_line 'goto 90000000'
sleep 0.3
tmux -L "$server" send-keys -t step C-c
type_line 'p 6 * 7'
see '0x2a 42'
type_line 'nonsense'
see 'there is no command `nonsense`'
type_line 'quit'
see 'ended with 1'
# Nothing is wider than the terminal, and the prompt is in colour-free text off a terminal.
printf 'help\ninfo all\nquit\n' | "$triad" step minos-x86-64 >"$work/plain" || failed=$((failed + 1))
if grep -q '(triad)\|\[' "$work/plain" && grep -q "$(printf '\033')" "$work/plain"; then
  echo "FAIL: a prompt or colour off a terminal"
  failed=$((failed + 1))
fi
if awk 'length > 80 { print; wide = 1 } END { exit wide }' "$work/plain"; then :; else
  echo "FAIL: lines wider than 80 characters"
  failed=$((failed + 1))
fi
[ $failed -eq 0 ] && echo "the stepper works in a terminal of 80 by 24"
exit $((failed > 0))
