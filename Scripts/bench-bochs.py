#!/usr/bin/env python3
"""Speed of the x86 emulator beside Bochs's interpreter (and QEMU's translator), on the same binaries in one run.

    bench-bochs.py TRIAD [--rounds N] [--bits 32|64] [--program NAME …] [--scale N]

Each computation is one ELF file: `triad run` loads it, and the others start it from a disk image whose boot sector
(Bochs/boot.S) switches to the mode and puts the file's segments into place. Engines take turns. Time is processor time of
the engine's process: for `triad` that of a long run less that of a run of one round, for the others from the byte
that the boot sector sends before it jumps to the end of the program's line of output. All must print the same
result. MIPS are those instructions that `triad` counts between the two runs, over time. Needs the Swift toolchain's clang
and lld; without `bochs` (Debian: bochs bochsbios bochs-term vgabios) it says so and ends with status 77.
"""

import argparse
import json
import math
import os
import pathlib
import pty
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from elf_image import ELF

HERE = pathlib.Path(__file__).resolve().parent
IMAGES = HERE.parent / "Sources/X86Backend/Workloads/Images"
PROGRAMS = ["sieve", "crc", "sort", "matrix", "fibonacci", "search", "sha", "bytecode", "records"]
BAR = ["sieve", "crc", "matrix", "sort"]
# Rounds that make some hundred million instructions.
ROUNDS = {"sieve": 1600, "crc": 6000, "sort": 1600, "matrix": 1600, "fibonacci": 3000, "search": 1600, "sha": 3000,
          "bytecode": 6000, "records": 12000}
PLAN = 0x1A0
LOAD = 0x10000
LIMIT = 300


def skip(reason):
    print(f"bench-bochs: SKIPPED, {reason}")
    sys.exit(77)


def boot_sector(bits, work):
    source, item, sector = HERE / "Bochs/boot.S", work / f"boot{bits}.o", work / f"boot{bits}.bin"
    subprocess.run(["clang", "-target", "i386-unknown-none-elf", f"-DBITS={bits}", "-c", source, "-o", item], check=True)
    subprocess.run(["ld.lld", "-m", "elf_i386", "--oformat", "binary", "--image-base=0x7000", "-Ttext=0x7C00", item, "-o", sector], check=True)
    return sector.read_bytes()


def disk(sector, program, path):
    """A disk that starts the program: the boot sector with its plan, then the file."""
    elf = ELF(program)
    plan = struct.pack("<HIH", (len(program) + 511) // 512, elf.entry, 8)
    for offset, address, in_file, in_memory in elf.segments:
        plan += struct.pack("<IIII", LOAD + offset, address, in_file, in_memory)
    image = bytearray(sector)
    image[PLAN : PLAN + len(plan)] = plan
    with open(path, "wb") as file:
        file.write(image + program)
        file.truncate(20 * 16 * 63 * 512)


def processor_seconds(pid):
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        total += int(pathlib.Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])
    return total / 1e9


def boot(command, serial):
    """Seconds from the boot sector's mark to the end of the line, and the line."""
    if serial.exists():
        serial.unlink()
    os.mkfifo(serial)
    reader = os.open(serial, os.O_RDWR | os.O_NONBLOCK)
    # Bochs's text screen wants a terminal.
    master, terminal = pty.openpty()
    environment = dict(os.environ, TERM="vt100")
    process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment,
                               start_new_session=True)
    os.close(terminal)
    text, start, seconds = b"", None, None
    screen = b""
    deadline = time.monotonic() + LIMIT
    try:
        while seconds is None and process.poll() is None and time.monotonic() < deadline:
            ready, _, _ = select.select([reader, master], [], [], 1)
            if master in ready:
                try:
                    screen = (screen + os.read(master, 65536))[-4000:]
                except OSError:
                    pass
            if reader in ready:
                now = processor_seconds(process.pid)
                text += os.read(reader, 4096)
                if start is None and b">" in text:
                    start = now
                if start is not None and b"\n" in text[text.find(b">"):]:
                    seconds = now - start
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        os.close(reader)
        os.close(master)
    if seconds is None:
        sys.exit(f"bench-bochs: {command[0]} did not finish; serial line: {text!r}\n{screen.decode(errors='replace')}")
    return seconds, text[text.find(b">") + 1 :].decode().strip()


def bochs(image, work):
    serial = work / "serial"
    settings = [
        "megs: 64", "romimage: file=/usr/share/bochs/BIOS-bochs-latest",
        "vgaromimage: file=/usr/share/vgabios/vgabios.bin", "display_library: term",
        f"ata0-master: type=disk, path={image}, mode=flat, cylinders=20, heads=16, spt=63", "boot: disk",
        "cpu: count=1, ips=200000000, reset_on_triple_fault=0", "clock: sync=none",
        f"com1: enabled=1, mode=file, dev={serial}", f"log: {work}/bochs.log", "panic: action=fatal", "speaker: enabled=0",
        "sound: driver=dummy",
    ]
    (work / "bochsrc").write_text("\n".join(settings) + "\n")
    # Debian's Bochs has its debugger built in, which waits for this word.
    (work / "go").write_text("continue\n")
    return boot(["bochs", "-q", "-unlock", "-f", str(work / "bochsrc"), "-rc", str(work / "go")], serial)


def qemu(image, work):
    serial = work / "serial"
    return boot(["qemu-system-x86_64", "-accel", "tcg", "-cpu", "qemu64", "-m", "64", "-display", "none", "-monitor", "none",
                 "-drive", f"file={image},format=raw,if=ide", "-chardev", f"file,id=line,path={serial}",
                 "-serial", "chardev:line"], serial)


def triad(command, program, bits):
    process = subprocess.Popen([command, "run", str(program), "--isa", "x86", "--mode", str(bits), "--json",
                                "--max-instructions", str(1 << 50)],
                               stdout=subprocess.PIPE)
    output = json.load(process.stdout)
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return used.ru_utime + used.ru_stime, output["console"].strip(), output["statistics"]["retired"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("triad")
    parser.add_argument("--rounds", type=int, default=3, help="turns, of which the median counts")
    parser.add_argument("--bits", type=int, choices=(32, 64), action="append")
    parser.add_argument("--program", choices=PROGRAMS, action="append")
    parser.add_argument("--scale", type=int, default=1, help="times as much work")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for tool in ("clang", "ld.lld", "bochs"):
        if not shutil.which(tool):
            skip(f"there is no `{tool}`")
    for file in ("/usr/share/bochs/BIOS-bochs-latest", "/usr/share/vgabios/vgabios.bin"):
        if not os.path.exists(file):
            skip(f"there is no {file}")
    others = {"Bochs": bochs}
    if shutil.which("qemu-system-x86_64"):
        others["QEMU TCG"] = qemu
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        work = pathlib.Path(directory)
        for bits in options.bits or (64, 32):
            sector = boot_sector(bits, work)
            elf = ELF((IMAGES / f"work{bits}.elf").read_bytes())
            ratios = {name: [] for name in others}
            for program in options.program or BAR:
                number, rounds = PROGRAMS.index(program), ROUNDS[program] * options.scale
                long, short, image = work / "long.elf", work / "short.elf", work / "disk.img"
                long.write_bytes(elf.choose(number, rounds))
                short.write_bytes(elf.choose(number, 1))
                disk(sector, long.read_bytes(), image)
                times = {name: [] for name in ["triad", *others]}
                lines = set()
                for _ in range(options.rounds):
                    whole, line, retired = triad(options.triad, long, bits)
                    part, _, first = triad(options.triad, short, bits)
                    times["triad"].append(whole - part)
                    lines.add(line)
                    for name, engine in others.items():
                        seconds, line = engine(image, work)
                        times[name].append(seconds)
                        lines.add(line)
                if len(lines) != 1:
                    sys.exit(f"bench-bochs: results differ: {lines}")
                count = retired - first
                mips = {name: count / statistics.median(values) / 1e6 for name, values in times.items()}
                rows.append({"program": f"{program}{bits}", "instructions": count, "mips": mips})
                shown = f"{program + str(bits):12} {count:>13,} instructions  triad {mips['triad']:6.0f} MIPS"
                for name in others:
                    ratio = mips["triad"] / mips[name]
                    ratios[name].append(ratio)
                    shown += f"   {name} {mips[name]:6.0f} MIPS, ratio {ratio:5.2f}"
                print(shown, flush=True)
            for name, values in ratios.items():
                mean = math.exp(statistics.fmean(math.log(value) for value in values))
                print(f"{bits} bits: triad is {mean:.2f} times as fast as {name} (geometric mean of {len(values)})")
    if options.json:
        print(json.dumps(rows, indent=2))


main()
