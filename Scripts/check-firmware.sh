#!/usr/bin/env bash
# Runs real firmware and real boot images on the emulator and looks at what they show. They come from Debian packages:
# seabios and memtest86+; with --all also syslinux, mtools and grub-rescue-pc (minutes). What is not installed is
# skipped, visibly. The images of grub-rescue-pc may lie anywhere: GRUB_FLOPPY names the one to use.
#
#   Scripts/check-firmware.sh [--all] [TRIAD]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
all=false
if [ "${1:-}" = --all ]; then
  all=true
  shift
fi
triad=${1:-$root/.build/release/triad}
bios=/usr/share/seabios/bios-256k.bin
vga=/usr/share/seabios/vgabios-isavga.bin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# check NAME EXPECTED-STATUS PATTERNS... -- ARGUMENTS...: each pattern has to be on the screen.
check() {
  local name=$1 expected=$2 status=0 missing=()
  shift 2
  local patterns=()
  while [ "$1" != -- ]; do
    patterns+=("$1")
    shift
  done
  shift
  local start=$SECONDS
  "$triad" run "$@" --screen --propagate >"$work/screen" 2>"$work/summary" || status=$?
  for pattern in "${patterns[@]}"; do
    grep -q -- "$pattern" "$work/screen" || missing+=("$pattern")
  done
  if [ "$status" = "$expected" ] && [ ${#missing[@]} = 0 ]; then
    echo "ok       $name ($((SECONDS - start)) s): $(cat "$work/summary")"
  else
    echo "FAILED   $name: status $status, expected $expected; not on the screen: ${missing[*]:-nothing}"
    grep -v '^$' "$work/screen" || true
    cat "$work/summary"
    failures=$((failures + 1))
  fi
}

skip() { echo "SKIPPED  $1: $2"; }

if [ -r $bios ] && [ -r $vga ]; then
  firmware=(--rom "$bios" --rom "$vga@0xC0000" --memory 32M)
  sector=$root/Sources/X86Backend/Workloads/Images/boot-sector.bin
  cp "$sector" "$work/floppy.img"
  truncate -s 1474560 "$work/floppy.img"
  cp "$sector" "$work/disk.img"
  truncate -s 4M "$work/disk.img"
  check "SeaBIOS, nothing to boot from" 0 'SeaBIOS (version' 'No bootable device' -- "${firmware[@]}"
  shown=('hello from INT 10h' '639 KiB by INT 12h' 'sector 2 by INT 13h' 'press a key: k')
  check "boot sector on a floppy disk" 33 "${shown[@]}" -- "${firmware[@]}" --floppy "$work/floppy.img" --keys k
  check "boot sector on a disk" 33 "${shown[@]}" -- "${firmware[@]}" --disk "$work/disk.img" --keys k
else
  firmware=()
  skip "SeaBIOS and the boot sector" "package seabios is not installed"
fi

memtest=/boot/memtest86+x64.bin
if [ -r $memtest ]; then
  check "memtest86+, 64 bits" 5 'Memtest86+' 'Testing: ' 'Test #3' 'Errors: 0$' -- $memtest \
    --keys '\n' --max-instructions 400000000
else
  skip "memtest86+" "package memtest86+ is not installed"
fi

if $all; then
  if [ ${#firmware[@]} != 0 ] && command -v syslinux >/dev/null && command -v mformat >/dev/null; then
    truncate -s 1474560 "$work/syslinux.img"
    mformat -i "$work/syslinux.img" -f 1440 ::
    syslinux --install "$work/syslinux.img"
    printf 'PROMPT 1\nTIMEOUT 0\nSAY Hello from the configuration\nDEFAULT none\n' >"$work/syslinux.cfg"
    mcopy -i "$work/syslinux.img" "$work/syslinux.cfg" ::
    check "syslinux on a floppy disk" 5 'SYSLINUX' 'Hello from the configuration' 'boot:' -- \
      "${firmware[@]}" --floppy "$work/syslinux.img" --max-instructions 300000000
  else
    skip "syslinux" "package syslinux or mtools is not installed"
  fi
  grub=${GRUB_FLOPPY:-/usr/lib/grub-rescue/grub-rescue-floppy.img}
  if [ ${#firmware[@]} != 0 ] && [ -r "$grub" ]; then
    check "GRUB on a floppy disk" 5 'GNU GRUB' 'Memtest86+' -- \
      "${firmware[@]}" --floppy "$grub" --max-instructions 2500000000
  else
    skip "GRUB" "package grub-rescue-pc is not installed"
  fi
fi

[ $failures = 0 ] || exit 1
