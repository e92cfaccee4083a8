#!/usr/bin/env python3
"""Programs on QEMU and on Triad's emulator: the same instructions, registers and traps.

    check-qemu.py TRIAD [--plugin libexeclog.so] [--keep DIRECTORY] [--instructions N]

QEMU starts each program from a firmware of our own (QEMU/firmware.S) and logs it; `triad import` makes a trace of the log, and
`triad diff` compares. Then the program on QEMU's side gets one wrong byte, and the first difference must be there. With
--plugin the same with the lines of QEMU's plugin execlog, which Debian does not have in a package. Needs the Swift
toolchain's clang and lld; without `qemu-system-x86_64` it says so and ends with status 77.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from elf_image import ELF

HERE = pathlib.Path(__file__).resolve().parent
IMAGES = HERE.parent / "Sources/X86Backend/Workloads/Images"
PLAN = 0xFF00
# What Triad gives the nanobenchmarks by itself.
ROUNDS = 8
# Program, image, bits, which of the image's operations, what of the log is wanted: addresses of the program's code.
PROGRAMS = [
    ("real16", "real16.bin", 16, None, "0x7c00+0x400"),
    ("protected32", "protected32.elf", 32, None, "0x100000+0x100000"),
    ("long64", "long64.elf", 64, None, "0x100000+0x500000"),
    ("x86-nano-syscall", "nano64.elf", 64, 0, "0x100000+0x500000"),
    ("x86-nano-pgfault", "nano64.elf", 64, 4, "0x100000+0x500000"),
    ("x86-nano-divzero", "nano64.elf", 64, 5, "0x100000+0x500000"),
]


def skip(reason):
    print(f"check-qemu: SKIPPED, {reason}")
    sys.exit(77)


def fail(reason):
    print(f"check-qemu: FAILED, {reason}")
    sys.exit(1)


def segments(data):
    """Entry, and (offset, address, bytes in the file, bytes in memory) of each segment."""
    if data[:4] != b"\x7fELF":
        return 0x7C00, [(0, 0x7C00, len(data), len(data))]
    elf = ELF(data)
    return elf.entry, elf.segments


def firmware(data, bits, path, work):
    """Writes 64 KiB of firmware with the program in it."""
    item, bare = work / f"firmware{bits}.o", work / f"firmware{bits}.bin"
    if not bare.exists():
        subprocess.run(["clang", "-target", "i386-unknown-none-elf", f"-DBITS={bits}", "-c", HERE / "QEMU/firmware.S",
                        "-o", item], check=True)
        subprocess.run(["ld.lld", "-m", "elf_i386", "--oformat", "binary", "--image-base=0", "-Ttext=0", "-e", "_start",
                        item, "-o", bare], check=True)
    image = bytearray(bare.read_bytes())
    assert len(image) == 0x10000 and len(data) <= 0xE000
    entry, parts = segments(data)
    image[: len(data)] = data
    plan = struct.pack("<IHH", entry, 8, 0)
    for part in parts:
        plan += struct.pack("<IIII", *part)
    image[PLAN : PLAN + len(plan)] = plan
    path.write_bytes(image)


def qemu(rom, arguments, log, version):
    """Runs QEMU; the power port ends it with an odd status."""
    single = ["-accel", "tcg,one-insn-per-tb=on"] if version >= (8, 1) else ["-accel", "tcg", "-singlestep"]
    command = ["qemu-system-x86_64", "-machine", "pc", "-cpu", "qemu64", "-m", "16", "-nodefaults", "-display", "none", "-no-reboot",
               "-bios", rom, "-serial", "null", "-device", "isa-debug-exit,iobase=0xf4,iosize=4", *single, *arguments, "-D", log]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL)


def imported(triad, options, rom, arguments, name, form, output, work, version):
    """Runs QEMU into a pipe that `triad import` reads, so that a log needs no room."""
    pipe = work / "log"
    if pipe.exists():
        pipe.unlink()
    os.mkfifo(pipe)
    machine = qemu(rom, arguments, pipe, version)
    try:
        reader = subprocess.run([triad, "import", pipe, "--from", form, "--program", name, "-o", output, "--max-instructions",
                                 str(options.instructions)], capture_output=True, text=True)
    finally:
        machine.kill()
        machine.wait()
    if reader.returncode != 0:
        fail(f"{name}: import of {form} ended with {reader.returncode}: {reader.stderr}")
    return reader.stderr


def compare(triad, first, second):
    result = subprocess.run([triad, "diff", first, second, "--json"], capture_output=True, text=True)
    if result.returncode not in (0, 1):
        fail(f"diff ended with {result.returncode}: {result.stdout}{result.stderr}")
    return json.loads(result.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("triad")
    parser.add_argument("--plugin", type=pathlib.Path, help="QEMU's libexeclog.so")
    parser.add_argument("--keep", type=pathlib.Path, help="leave traces there")
    parser.add_argument("--instructions", type=int, default=100_000, help="of each program, at most")
    options = parser.parse_args()
    if not shutil.which("qemu-system-x86_64"):
        skip("there is no `qemu-system-x86_64`")
    for tool in ("clang", "ld.lld"):
        if not shutil.which(tool):
            skip(f"there is no `{tool}`")
    text = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, text=True).stdout
    version = tuple(int(part) for part in re.search(r"version (\d+)\.(\d+)", text).groups())
    forms = [("qemu-log", lambda area: ["-d", "in_asm,exec,cpu,int,nochain", "-dfilter", area])]
    if options.plugin:
        forms.append(("execlog", lambda area: ["-plugin", f"file={options.plugin}", "-d", "plugin,int"]))
    with tempfile.TemporaryDirectory() as directory:
        work = options.keep or pathlib.Path(directory)
        work.mkdir(exist_ok=True)
        for name, image, bits, operation, area in PROGRAMS:
            data = (IMAGES / image).read_bytes()
            if operation is not None:
                data = ELF(data).choose(operation, ROUNDS)
            ours = work / f"{name}.triad.bin"
            subprocess.run([options.triad, "trace", name, "--on", "emulator", "--level", "instructions", "-o", ours,
                            "--max-instructions", str(options.instructions)], capture_output=True)
            for form, arguments in forms:
                rom, theirs = work / "firmware.bin", work / f"{name}.{form}.bin"
                firmware(data, bits, rom, work)
                notes = imported(options.triad, options, rom, arguments(area), name, form, theirs, work, version)
                # QEMU's LTR marks the task segment as busy in memory and not in the hidden part.
                other = re.search("begins with other values.*: (.*)", notes)
                if other and other[1] != "trAttributes 0x89 for 0x8b":
                    fail(f"{name}: {notes}")
                result = compare(options.triad, ours, theirs)
                if result["verdict"] not in ("equal", "equal except") or result["events"] < min(options.instructions, 500) - 1:
                    fail(f"{name} by {form}: {json.dumps(result, indent=1)}")
                count = result["events"]
                # One wrong byte: the last one of an instruction in the middle, taken from the trace.
                place, wrong = planted(options.triad, ours, data)
                firmware(wrong, bits, rom, work)
                imported(options.triad, options, rom, arguments(area), name, form, work / "wrong.bin", work, version)
                found = compare(options.triad, ours, work / "wrong.bin").get("divergence")
                if not found or int(found["leftPC"], 16) != place:
                    fail(f"{name} by {form}: the wrong byte at {place:#x} was not found: {found}")
                print(f"{name:16} {form:9} {count:>8,} events the same ({result['verdict']}); "
                      f"planted at {place:#x}, found: event {found['event']}, {found['field']}", flush=True)
    print(f"check-qemu: passed, QEMU {version[0]}.{version[1]}")


def planted(triad, trace, data):
    """The address of an instruction with an immediate that runs late for the first time, and the program with another one."""
    first = {}
    table = subprocess.run([triad, "export", trace, "--to", "csv"], capture_output=True, text=True).stdout
    for number, line in enumerate(table.splitlines()[1:]):
        fields = line.split(",")
        if fields[6] == "retire":
            first.setdefault(int(fields[8], 16), (number, bytes.fromhex(fields[10])))
    _, parts = segments(data)
    # MOV r, imm: B8+r with an operand of two or four bytes.
    places = sorted((number, pc, code) for pc, (number, code) in first.items() if len(code) in (3, 5) and code[0] & 0xF8 == 0xB8)
    _, pc, code = places[len(places) // 2]
    offset, address, _, _ = next(part for part in parts if part[1] <= pc < part[1] + part[2])
    wrong = bytearray(data)
    wrong[offset + pc - address + 1] ^= 1
    return pc, bytes(wrong)


main()
