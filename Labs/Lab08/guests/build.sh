#!/usr/bin/env bash
# Assembles the guests: NAME.S to NAME.bin, flat, for address 0x1000. Needs GNU as, ld and objcopy.
# With --check writes nothing and fails if a .bin is not what its source gives.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for source in *.S; do
  name=${source%.S}
  as --32 -o "$work/$name.o" "$source"
  ld -m elf_i386 -Ttext=0x1000 --oformat=binary -e _start -o "$work/$name.bin" "$work/$name.o"
  if [ "${1:-}" = --check ]; then
    cmp "$work/$name.bin" "$name.bin"
  else
    cp "$work/$name.bin" "$name.bin"
  fi
done
