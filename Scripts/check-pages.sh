#!/bin/sh
# Runs the commands that pages quote: every `triad …` between backticks that names no placeholder and is no mere name.
#
# Usage: Scripts/check-pages.sh [TRIAD [PAGE…]]
#   TRIAD   the program, .build/release/triad if not given
#   PAGE    pages to read; if not given, README.md and the pages for courses
#   TRIAD_PAGE_SECONDS   time for each command, 10 if not set; what takes longer is told and not counted
#
# A command fails here when it is refused as misuse (2) or bad input (3), or when a signal ends it. Divergences that
# a command is there to show (1), faults (4), limits (5) and lacks of the host (77) are no failures.
set -u
cd "$(dirname "$0")/.." || exit 2
triad=$(realpath "${1:-.build/release/triad}") || exit 2
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- README.md Docs/Comparison.md Docs/Instructors.md Docs/Report.md Docs/Exports.md Docs/Debugging.md Notebooks/README.md
limit=${TRIAD_PAGE_SECONDS:-10}
pages=$(realpath "$@") || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
ln -s "$PWD/Labs" "$work/Labs"
# shellcheck disable=SC2086
grep -ohE '`triad [^`]+`' $pages | tr -d '`' | sort -u |
  grep -vE '…|[[:space:]](F|FILE|DIR|P|E|COMMAND|NAME|LAB)([[:space:]]|$)|[a-z]+\.(elf|asm|bin|img|log|jsonl|snapshot)|/dev/|/usr/|--gdb' \
    >"$work/commands"
# shellcheck disable=SC2086
all=$(grep -ohE '`triad [^`]+`' $pages | sort -u | wc -l)
run=0 failed=0 long=0
cd "$work" || exit 2
while IFS= read -r command; do
  run=$((run + 1))
  rest=${command#triad }
  eval "timeout -s KILL $limit \"\$triad\" $rest" >out 2>err </dev/null
  status=$?
  case $status in
  0 | 1 | 4 | 5 | 77) ;;
  137)
    long=$((long + 1))
    echo "longer than $limit s: $command"
    ;;
  2) # A mere name of a command or option, which wants arguments.
    case $rest$(grep -o 'missing argument' err) in
    *'missing argument') run=$((run - 1)) ;;
    *' '*) failed=$((failed + 1)) && echo "status 2: $command" && head -n 3 err ;;
    *) run=$((run - 1)) ;;
    esac
    ;;
  *)
    failed=$((failed + 1))
    echo "status $status: $command"
    head -n 3 err
    ;;
  esac
done <commands
echo "$run of $all commands tried: $failed failed, $long took longer than $limit s"
[ "$failed" -eq 0 ]
