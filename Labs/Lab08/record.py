#!/usr/bin/env python3
"""Makes the recordings from real runs. Argument: the lab's runner, built with the solution (see record.sh).

Each guest runs on this computer's /dev/kvm; what the runner writes about its calls and exits becomes a file in `recordings`.
"""
import json
import os
import pathlib
import random
import subprocess
import sys

runner = sys.argv[1]
folder = pathlib.Path(__file__).resolve().parent
modules = pathlib.Path("/sys/module")
flavour = next((m.name for m in modules.glob("kvm_*")), "kvm")
kernel = ".".join(os.uname().release.split(".")[:2])
MEMORY = 0x80000


def request(guest, mode, number, text=b""):
    image = bytearray((folder / "guests" / (guest + ".bin")).read_bytes())
    image[4:8] = number.to_bytes(4, "little")
    return [f"mode {mode}", f"memory {MEMORY}", "address 1000", f"image {image.hex()}", f"input {text.hex()}"]


def exit_line(event):
    if event.get("errno") == 4:
        return "exit eintr"
    reason = event["exit"]
    if reason == 2:
        words = ["io", event["direction"], f'{event["port"]:x}', event["size"], event["count"], event.get("data", "")]
    elif reason == 6:
        words = ["mmio", event["direction"], f'{event["address"]:x}', event["size"], event.get("data", "")]
    elif reason == 5:
        words = ["hlt"]
    elif reason == 8:
        words = ["shutdown"]
    elif reason == 9:
        words = ["fail", f'{event["reason"]:x}']
    elif reason == 17:
        words = ["internal", event["reason"]]
    else:
        words = ["other", reason]
    return "exit " + " ".join(str(word) for word in words if word != "")


def record(name, lines, interruptions=()):
    live = lines + ["backend live"] + [f"interrupt {n}" for n in interruptions]
    result = subprocess.run([runner], input="\n".join(live) + "\n", capture_output=True, text=True, timeout=20)
    events = [json.loads(line) for line in result.stdout.splitlines()]
    if result.returncode != 0 or "end" not in events[-1]:
        sys.exit(f"{name}: the run did not end well: {result.stderr}")
    host = []
    for event in events:
        if event.get("call") == "KVM_GET_SREGS":
            host.append("sregs " + event["bytes"])
        if event.get("call") == "KVM_GET_VCPU_MMAP_SIZE":
            host.append(f'run-page {event["result"]}')
    exits = [exit_line(event) for event in events if event.get("call") == "KVM_RUN"]
    source = [f"# Recorded by record.py from a run with KVM of flavour {flavour}, Linux {kernel}, on x86-64."]
    write(name, source + lines + ["backend recorded"] + host + exits)
    print(f"{name}: {len(exits)} exits, {events[-1]['end']}")
    return host


def write(name, lines):
    (folder / "recordings" / (name + ".txt")).write_text("\n".join(lines) + "\n")


def letters(count):
    return bytes(random.choice(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(count))


random.seed(8)
(folder / "recordings").mkdir(exist_ok=True)
for run in (1, 2, 3):
    host = record(f"hello-{run}", request("hello", "real", random.getrandbits(32)))
    record(f"echo-{run}", request("echo", "real", random.getrandbits(32), letters(6 + 3 * run) + b"\n"))
    record(f"wide-{run}", request("wide", "real", random.getrandbits(32)))
    record(f"strings-{run}", request("strings", "real", random.getrandbits(32), letters(12)))
    record(f"screen-{run}", request("screen", "real", random.getrandbits(32)))
    record(f"protected-{run}", request("protected", "protected", random.getrandbits(32)))
record("interrupted-1", request("hello", "real", random.getrandbits(32)), (1, 5, 6, 20))
record("interrupted-2", request("echo", "real", random.getrandbits(32), letters(5) + b"\n"), (2, 3, 4, 9, 10))
record("shutdown", request("triple", "protected", random.getrandbits(32)))
record("internal-error", request("refused", "protected", random.getrandbits(32)))

# What cannot be had from this computer at will: written after the kernel's Documentation/virt/kvm/api.rst.
documented = ["# Not from a run: the end is written after Documentation/virt/kvm/api.rst of Linux."]
beginning = request("hello", "real", random.getrandbits(32)) + ["backend recorded"] + host
first = "exit io out 3f8 1 1 23"
write("failed-entry", documented + beginning + ["exit fail 80000021"])
write("failed-entry-later", documented + beginning + [first, "exit fail 7"])
write("debug", documented + beginning + [first, "exit other 4"])
write("system-event", documented + beginning + [first, "exit other 24"])
write("no-device", documented + beginning + ["open-error 2", "exit hlt"])
write("old-version", documented + beginning + ["version 11", "exit hlt"])
write("busy", documented + beginning + ["create-error 16", "exit hlt"])
