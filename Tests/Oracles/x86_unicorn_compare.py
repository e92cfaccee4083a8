#!/usr/bin/env python3
"""Compares single instructions with PyPI's `unicorn`, an emulator made from QEMU's.

    x86_unicorn_compare.py TRIAD [--count N] [--seed S] [--first N] [--mode 16|32|64] [--show N]

`triad fuzz --write` makes the cases from the instruction table; each runs in unicorn from the same state, and what
comes out is compared: registers, memory, flags but for the undefined ones, and exceptions. Differences that
x86_unicorn_exceptions.txt does not explain end the comparison with status 1; so does an entry there that explains
nothing, when at least 1,000,000 cases ran in every mode (some are that rare). Without unicorn it says so and ends with status 0.
"""

import argparse
import collections
import ctypes
import fnmatch
import json
import pathlib
import subprocess
import sys

try:
    import unicorn
    from unicorn import UC_PROT_ALL, Uc, UcError
    from unicorn import x86_const as x86
except ImportError:
    print("unicorn comparison: SKIPPED, the Python package `unicorn` is not installed")
    sys.exit(0)

MODES = (16, 32, 64)
GENERAL = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"] + [f"r{n}" for n in range(8, 16)]
SEGMENTS = ["es", "cs", "ss", "ds", "fs", "gs"]
CONTROL = ["cr0", "cr2", "cr3", "cr4"]
MSRS = {
    "efer": 0xC0000080, "star": 0xC0000081, "lstar": 0xC0000082, "cstar": 0xC0000083, "sfmask": 0xC0000084,
    "kernelGSBase": 0xC0000102, "sysenterCS": 0x174, "sysenterESP": 0x175, "sysenterEIP": 0x176,
}
FLAGS = {"cf": 1, "pf": 4, "af": 16, "zf": 64, "sf": 128, "tf": 256, "if": 512, "df": 1024, "of": 2048, "iopl": 0x3000,
         "nt": 0x4000, "rf": 0x10000, "vm": 0x20000, "ac": 0x40000, "vif": 0x80000, "vip": 0x100000, "id": 0x200000}
WITH_CODE = {8, 10, 11, 12, 13, 14, 17, 21}
PREFIXES = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3}
WIDTH = {16: 2, 32: 4, 64: 8}
HERE = pathlib.Path(__file__)


def constant(name):
    return getattr(x86, "UC_X86_REG_" + name.upper())


class Machine:
    """unicorn in the surroundings that the first line of the cases describes."""

    def __init__(self, head):
        self.mode = head["mode"]
        self.code = head["code"]
        self.place = head["physicalCode"]
        self.memory = head["memory"]
        self.size = max(place + len(text) // 2 for place, text in head["ram"]) + 0xFFFF & ~0xFFFF
        self.base = head["regs"]
        self.handlers = head["handlers"]
        self.buffer = (ctypes.c_ubyte * self.size)()
        self.address = ctypes.addressof(self.buffer)
        contents = bytearray(self.size)
        for place, text in head["ram"]:
            part = bytes.fromhex(text)
            contents[place : place + len(part)] = part
        self.pristine = bytes(contents)
        ctypes.memmove(self.address, self.pristine, self.size)
        kind = {16: unicorn.UC_MODE_16, 32: unicorn.UC_MODE_32, 64: unicorn.UC_MODE_64}[self.mode]
        self.uc = uc = Uc(unicorn.UC_ARCH_X86, kind)
        uc.mem_map_ptr(0, self.size, UC_PROT_ALL, self.address)
        # Storage that cases seldom touch, and the bus above, which reads as ones and ignores what is written.
        self.far = {}
        # In 64-bit mode linear addresses from 2 to 4 MiB have a table of their own and these physical ones none;
        # unicorn fetches only where storage has both addresses.
        hole = range(2 << 20, 4 << 20) if self.mode == 64 else range(0)
        if hole:
            uc.mem_map(hole.start, len(hole), UC_PROT_ALL)
        for start, end in ((self.size, hole.start), (hole.stop, 1 << 32)) if hole else ((self.size, 1 << 32),):
            uc.mmio_map(start, end - start, self.read, start, self.write, start)
        uc.hook_add(unicorn.UC_HOOK_INTR, self.interrupt)
        uc.hook_add(unicorn.UC_HOOK_INSN, lambda uc, port, size, data: (1 << size * 8) - 1, aux1=x86.UC_X86_INS_IN)
        uc.hook_add(unicorn.UC_HOOK_INSN, lambda *_: None, aux1=x86.UC_X86_INS_OUT)
        # Where unicorn is to stop: never reached, but it looks at the page.
        self.until = self.code + 0x7F0
        self.vector = None
        self.names = GENERAL[: 16 if self.mode == 64 else 8]
        self.prepare()
        rip = {16: "eip", 32: "eip", 64: "rip"}[self.mode]
        general = self.names if self.mode == 64 else ["e" + name[1:] for name in self.names]
        flags = "rflags" if self.mode == 64 else "eflags"
        self.rip = constant(rip)
        self.write_numbers = [constant(name) for name in general] + [constant(flags)]
        self.read_names = self.names + ["rip", "rflags"] + SEGMENTS + CONTROL + (["fsBase", "gsBase"] if self.mode == 64 else [])
        self.read_numbers = (
            [constant(name) for name in general] + [constant(rip), constant(flags)]
            + [constant(name) for name in SEGMENTS + CONTROL + (["fs_base", "gs_base"] if self.mode == 64 else [])])
        self.contexts = {}
        self.flush = False

    def interrupt(self, uc, number, data):
        self.vector = number
        uc.emu_stop()

    def read(self, uc, offset, size, start):
        value = 0
        for place in reversed(range(start + offset, start + offset + size)):
            value = value << 8 | (self.far.get(place, 0) if place < self.memory else 255)
        return value

    def write(self, uc, offset, size, value, start):
        for place in range(start + offset, start + offset + size):
            if place < self.memory:
                self.far[place] = value & 255
            value >>= 8

    def prepare(self):
        uc, base = self.uc, self.base
        uc.reg_write(x86.UC_X86_REG_CR4, base["cr4"])
        if self.mode == 64:
            uc.reg_write(x86.UC_X86_REG_CR3, base["cr3"])
            uc.msr_write(MSRS["efer"], base["efer"])
            for name in ("star", "lstar"):
                uc.msr_write(MSRS[name], base[name])
        uc.reg_write(x86.UC_X86_REG_CR0, base["cr0"])
        for name in ("gdtr", "idtr"):
            uc.reg_write(constant(name), (0, base[name + "Base"], base[name + "Limit"], 0))
        for name in ("tr", "ldtr"):
            value = (base[name], base[name + "Base"], base[name + "Limit"], base[name + "Attributes"] << 8)
            uc.reg_write(constant(name), value)
        for name in ("cs", "ss", "ds", "es", "fs", "gs"):
            uc.reg_write(constant(name), base[name])
        if self.mode != 16:
            self.load_segments(base)

    def execute(self, code):
        """Runs one instruction beside that of the cases."""
        place = 0x40
        ctypes.memmove(self.address + self.place + place, code, len(code))
        self.uc.ctl_remove_cache(self.code, self.code + 0x80)
        self.uc.emu_start(self.code + place, self.until, 0, 1)
        ctypes.memmove(self.address, self.pristine, self.size)

    def load_segments(self, registers):
        """By instructions: setting the registers from outside does not load all of the descriptors."""
        for name, number in (("ss", 2), ("ds", 3), ("es", 0), ("fs", 4), ("gs", 5)):
            self.uc.reg_write(x86.UC_X86_REG_EAX, registers[name])
            self.execute(bytes([0x8E, 0xC0 | number << 3]))

    def context(self, registers):
        """The processor as a case finds it, but for general registers and flags; made once for each ring."""
        key = tuple(registers.get(name) for name in ("cs", "efer", "star", "lstar"))
        if key in self.contexts:
            return self.contexts[key]
        uc = self.uc
        if self.contexts:
            uc.context_restore(next(iter(self.contexts.values())))
        else:
            self.contexts["base"] = uc.context_save()
        for name in ("efer", "star", "lstar"):
            if name in registers:
                uc.msr_write(MSRS[name], registers[name])
        if registers.get("cs", self.base["cs"]) & 3 and self.mode != 16:
            # Into ring 3 by IRET, as any system does it.
            width = WIDTH[self.mode]
            frame = [self.code, registers["cs"], 2, 0x8000, registers["ss"]]
            stack = self.size - 0x1000
            for place, word in enumerate(frame):
                uc.mem_write(stack + place * width, word.to_bytes(width, "little"))
            # In a page that ring 3 may read: unicorn looks there again afterwards, and an exception then would
            # make a double fault of the next one.
            uc.mem_write(self.place, b"\x90" * 0x40)
            uc.reg_write(x86.UC_X86_REG_RSP if width == 8 else x86.UC_X86_REG_ESP, stack)
            self.execute(b"\x48\xcf" if width == 8 else b"\xcf")
            self.load_segments(registers)
            uc.ctl_remove_cache(self.code, self.code + 0x80)
            if uc.reg_read(x86.UC_X86_REG_CS) != registers["cs"]:
                sys.exit("unicorn did not enter ring 3")
        self.contexts[key] = uc.context_save()
        return self.contexts[key]

    def run(self, case, initial, interrupts, string):
        """Registers afterwards, the exception's number or nothing; memory stays in the buffer."""
        uc = self.uc
        uc.context_restore(self.context(case["initial"]["regs"]))
        if self.flush:
            # Restoring a context leaves cached translations.
            uc.reg_write(x86.UC_X86_REG_CR3, self.base["cr3"])
            uc.reg_write(x86.UC_X86_REG_CR4, self.base["cr4"] ^ 0x80)
            uc.reg_write(x86.UC_X86_REG_CR4, self.base["cr4"])
            uc.reg_write(x86.UC_X86_REG_CR0, self.base["cr0"] ^ 0x10000)
            uc.reg_write(x86.UC_X86_REG_CR0, self.base["cr0"])
            self.flush = False
        values = [initial[name] for name in self.names] + [initial["rflags"]]
        uc.reg_write_batch(list(zip(self.write_numbers, values)))
        code = bytes(case["bytes"])
        ctypes.memmove(self.address + self.place, code, len(code))
        uc.ctl_remove_cache(self.code - 16, self.code + 32)
        self.vector = None
        self.far.clear()
        # Our engine goes on for sixteen steps while the instruction pointer is still the same: repeats and loops.
        for _ in range(16):
            try:
                uc.emu_start(self.code, self.until, 0, 1)
            except UcError as error:
                if self.vector is None:
                    self.vector = 6 if error.errno == unicorn.UC_ERR_INSN_INVALID else str(error)
            if self.vector is not None or uc.reg_read(self.rip) != initial["rip"]:
                break
        else:
            # With the last repeat unicorn has still to see that nothing is left.
            if string and not uc.reg_read(x86.UC_X86_REG_RCX if self.mode == 64 else x86.UC_X86_REG_ECX):
                uc.emu_start(self.code, self.until, 0, 1)
        after = dict(zip(self.read_names, uc.reg_read_batch(self.read_numbers)))
        # unicorn looks at the next instruction, too: what is wrong with that one is not this one's affair.
        if self.vector is not None and after["rip"] != initial["rip"] and not interrupts:
            self.vector = None
        if any(after[name] != initial[name] for name in ("cr0", "cr3", "cr4")):
            self.flush = True
        return after, self.vector

    def system(self, registers):
        """Adds the registers that only system instructions change."""
        uc = self.uc
        for name in MSRS:
            registers[name] = uc.msr_read(MSRS[name])
        for name in ("gdtr", "idtr"):
            _, registers[name + "Base"], registers[name + "Limit"], _ = uc.reg_read(constant(name))
        for name in ("ldtr", "tr"):
            registers[name], registers[name + "Base"], registers[name + "Limit"], _ = uc.reg_read(constant(name))

    def physical(self, address):
        """Where the page tables of the cases put an address: identity but for the 128 KiB around the code."""
        return address + self.place - self.code if 0 <= address - self.code + 0x10800 < 0x20000 else address

    def restore(self):
        ctypes.memmove(self.address, self.pristine, self.size)


def word(memory, place, width):
    return int.from_bytes(memory[place : place + width], "little")


class Case:
    """A case with both outcomes, and what differs."""

    def __init__(self, machine, line):
        self.data = data = json.loads(line)
        self.mode = machine.mode
        self.name, self.bytes = data["name"], bytes(data["bytes"])
        self.row = data.get("row", "")
        self.code = self.bytes[: data.get("length", 15)]
        self.initial = dict(machine.base, **data["initial"]["regs"])
        self.ring = 0 if machine.mode == 16 else self.initial["cs"] & 3
        self.ours = dict(self.initial, **data["final"]["regs"])
        place = self.rex = 0
        while place < len(self.code):
            byte = self.code[place]
            if byte not in PREFIXES and not (self.mode == 64 and byte & 0xF0 == 0x40):
                break
            # A REX prefix that is not the last one is none.
            self.rex = 0 if byte in PREFIXES else byte
            place += 1
        self.prefixes = {byte for byte in self.code[:place] if byte in PREFIXES}
        self.opcode = self.code[place:]
        skip = 3 if self.opcode[:2] in (b"\x0f\x38", b"\x0f\x3a") else 2 if self.opcode[:1] == b"\x0f" else 1
        has_modrm = any(word[0] in "EGMSR/" and len(word) < 4 for word in self.row.replace(",", "").split()[1:])
        has_modrm = has_modrm or self.row.startswith("0F 0B") and skip > 1
        self.modrm = self.opcode[skip] if has_modrm and len(self.opcode) > skip else None
        self.our_vector = self.vector(machine)
        if 0xF0 in self.prefixes and self.is_bit_test() and self.modrm is not None and self.modrm >> 6 == 3:
            # Here unicorn ends the process.
            self.theirs, self.their_vector = dict(self.initial), "abort"
            self.differences = ["exception"] if self.our_vector != "abort" else []
            self.left = self.ours
            return
        self.theirs, self.their_vector = machine.run(data, self.initial, self.interrupts(), self.is_string())
        if self.is_system():
            machine.system(self.theirs)
        self.differences = self.compare(machine)

    def vector(self, machine):
        """The exception or interrupt that our engine came to, the name of another end, or nothing."""
        end = self.data["end"]
        if "exception" in self.data or end == "idle":
            return self.data.get("exception")
        if end == "limit":
            # At the handler of a software interrupt, whose first instruction has not run; a jump can lead there too.
            if self.opcode[:1] not in (b"\xcc", b"\xcd", b"\xce", b"\xf1"):
                return None
            place = self.ours["rip"] + (self.ours["csBase"] if self.mode == 16 else 0) - machine.handlers
            return place >> 4 if 0 <= place < 4096 and place % 16 == 0 else None
        # Where traps are not delivered yet, which one it is cannot be told.
        return "delivery" if "delivery" in self.data.get("why", "") else end

    def source(self):
        """The general register that ModRM.rm names."""
        return self.initial[GENERAL[(self.modrm or 0) & 7 | (self.rex & 1) << 3]]

    def port(self):
        """The port of IN."""
        return self.opcode[1] if self.opcode[0] < 0xE8 else self.initial["rdx"] & 0xFFFF

    def interrupts(self):
        """Whether it is a software interrupt, after which the instruction pointer is that of the next one."""
        return self.opcode[:1] in (b"\xcc", b"\xcd", b"\xce")

    def is_bit_test(self):
        return self.opcode[:1] == b"\x0f" and self.opcode[1:2] in (b"\xa3", b"\xab", b"\xb3", b"\xbb", b"\xba")

    def is_string(self):
        return bool(self.opcode) and (0x6C <= self.opcode[0] <= 0x6F or self.opcode[0] in (
            0xA4, 0xA5, 0xA6, 0xA7, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF))

    def is_system(self):
        return self.opcode[:1] == b"\x0f" and len(self.opcode) > 1 and self.opcode[1] in (
            0, 1, 5, 6, 7, 0x20, 0x22, 0x30, 0x32, 0x34, 0x35)

    def frame(self, machine, memory):
        """Where our engine saved a frame for the handler, and the registers before it."""
        width = WIDTH[self.mode]
        stack = self.ours["rsp"]
        if self.mode == 16:
            base = self.ours["ss"] << 4
            places = [base + (stack + place & 0xFFFF) for place in range(6)]
        else:
            software = self.opcode[:1] == b"\xcd" and self.ring == 0 and self.opcode[1] == self.our_vector
            skip = width if self.our_vector in WITH_CODE and not software else 0
            words = 5 if self.mode == 64 or self.ring == 3 else 3
            places = [machine.physical(stack + place & (1 << self.mode) - 1) for place in range(skip + words * width)]
        if max(places) >= machine.size:
            # Out of sight, on the bus.
            hidden = ("rip", "rsp", "rflags", "cs", "ss")
            return places, dict(self.ours, **{name: self.theirs[name] for name in hidden})
        saved = dict(self.ours)
        data = bytes(memory[place] for place in places)
        if self.mode == 16:
            saved["rsp"] = stack & ~0xFFFF | stack + 6 & 0xFFFF
        else:
            data = data[skip:]
        saved["rip"], saved["cs"], saved["rflags"] = (word(data, place * width, width) for place in range(3))
        saved["cs"] &= 0xFFFF
        if self.mode == 16:
            saved["rflags"] |= self.initial["rflags"] & ~0xFFFF
        elif words == 5:
            saved["rsp"], saved["ss"] = word(data, 3 * width, width), word(data, 4 * width, 2)
        else:
            saved["rsp"] = stack + len(places) & 0xFFFFFFFF
        return places, saved

    def compare(self, machine):
        found = []
        expected = bytearray(machine.pristine)
        code = bytes(self.bytes)
        expected[machine.place : machine.place + len(code)] = code
        far = {}
        for place, value in self.data["final"]["ram"]:
            if place < machine.size:
                expected[place] = value
            else:
                far[place] = value
        ours = self.ours
        if self.our_vector == "delivery":
            if self.their_vector is not None:
                self.our_vector = self.their_vector
                if self.interrupts():
                    ours = dict(ours, rip=self.theirs["rip"])
        elif isinstance(self.our_vector, int):
            places, ours = self.frame(machine, expected)
            original = bytearray(machine.pristine)
            original[machine.place : machine.place + len(code)] = code
            for place in places:
                if place < machine.size:
                    expected[place] = original[place]
                far.pop(place, None)
        if self.interrupts() and self.our_vector == self.their_vector == 6:
            # unicorn takes it for an invalid instruction, at its start.
            ours = dict(ours, rip=self.theirs["rip"])
        if self.our_vector != self.their_vector:
            found.append("exception")
        for name, value in self.theirs.items():
            if name == "cr2" and self.our_vector != 14:
                continue
            mask = ~self.data.get("undefined", {}).get(name, 0) & (1 << 64) - 1
            if machine.mode != 64 and name != "rflags":
                mask &= 0xFFFFFFFF
            if name == "rflags":
                mask &= ~0x10000
                wrong = (ours[name] ^ value) & mask
                found += [flag for flag, bit in FLAGS.items() if wrong & bit]
            elif (ours[name] ^ value) & mask:
                found.append(name)
        actual = ctypes.string_at(machine.address, machine.size)
        if actual != expected:
            found.append("memory")
            self.place = next(n for n in range(machine.size) if actual[n] != expected[n])
            self.wrong = (expected[self.place], actual[self.place])
        theirs = {place: value for place, value in machine.far.items() if value}
        if theirs != far and "memory" not in found:
            found.append("memory")
            self.place = min(place for place in {**far, **theirs} if far.get(place) != theirs.get(place))
            self.wrong = (far.get(self.place, 0), theirs.get(self.place, 0))
        self.left = ours
        machine.restore()
        return found

    def describe(self):
        parts = [f"{self.code.hex()} `{self.name}` [{self.row}] ring {self.ring}, case {self.data['idx']}:"]
        for name in self.differences:
            if name == "exception":
                parts.append(f"exception {self.our_vector} | {self.their_vector}")
            elif name == "memory":
                parts.append(f"memory at {self.place:#x} {self.wrong[0]:02x} | {self.wrong[1]:02x}")
            elif name in FLAGS:
                parts.append(f"{name} {self.left['rflags'] & FLAGS[name]:#x} | {self.theirs['rflags'] & FLAGS[name]:#x}")
            else:
                parts.append(f"{name} {self.left[name]:#x} | {self.theirs[name]:#x}")
        state = " ".join(f"{name}={value:#x}" for name, value in self.data["initial"]["regs"].items()
                         if name in GENERAL or name == "rflags")
        return " ".join(parts) + f"\n        from {state}"


class Exceptions:
    """Lines of x86_unicorn_exceptions.txt; its head says how they are read."""

    def __init__(self):
        path = HERE.with_name("x86_unicorn_exceptions.txt")
        self.lines = []
        self.used = collections.Counter()
        for line in path.read_text().splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            fields = [field.strip() for field in line.split("|")]
            if len(fields) != 10:
                sys.exit(f"{path.name}: ten fields expected: {line}")
            name, modes, rows, conditions, ours, theirs, differs, _, _, _ = fields
            unknown = [word for word in conditions.split() if word.lstrip("!") not in CONDITIONS and word != "-"]
            if unknown:
                sys.exit(f"{path.name}: {name}: no such condition: {' '.join(unknown)}")
            self.lines.append((name, modes.split(), rows.split(";"), conditions.split(), ours.split(),
                               theirs.split(), set(differs.split())))

    def explain(self, case):
        """The name of the first line that covers a difference, or nothing."""
        for name, modes, rows, conditions, ours, theirs, differs in self.lines:
            if modes != ["all"] and str(case.mode) not in modes:
                continue
            if not any(fnmatch.fnmatchcase(case.row, row.strip()) for row in rows):
                continue
            if not self.fits(ours, case.our_vector) or not self.fits(theirs, case.their_vector):
                continue
            if "any" not in differs and not set(case.differences) <= differs:
                continue
            if all(word == "-" or CONDITIONS[word.lstrip("!")](case) != word.startswith("!") for word in conditions):
                self.used[name] += 1
                return name
        return None

    @staticmethod
    def fits(patterns, vector):
        text = "-" if vector is None else str(vector).replace(" ", "_")
        if text == "delivery":
            return any(pattern not in ("-", "check-stop") for pattern in patterns)
        return any(fnmatch.fnmatchcase(text, pattern) for pattern in patterns)

    def idle(self):
        return [line[0] for line in self.lines if not self.used[line[0]]]


# What an exception may ask of a case.
CONDITIONS = {
    "ring0": lambda case: case.ring == 0,
    "ring3": lambda case: case.ring == 3,
    "io": lambda case: case.mode != 16 and case.ring > case.initial["rflags"] >> 12 & 3,
    "lock": lambda case: 0xF0 in case.prefixes,
    "repeat": lambda case: bool(case.prefixes & {0xF2, 0xF3}),
    "f2": lambda case: 0xF2 in case.prefixes,
    "f3": lambda case: 0xF3 in case.prefixes,
    "66": lambda case: 0x66 in case.prefixes,
    "67": lambda case: 0x67 in case.prefixes,
    "rexw": lambda case: case.rex & 8 != 0,
    "memory": lambda case: case.modrm is not None and case.modrm >> 6 != 3,
    "register": lambda case: case.modrm is not None and case.modrm >> 6 == 3,
    "undecoded": lambda case: case.name.startswith("("),
    # Limits are all that raises #GP and #SS in real mode, but for what these rows check beside.
    "limit": lambda case: not case.row.startswith(("0F 22", "0F 3A FF", "0F 30", "0F 32", "0F 01 /2", "0F 01 /3")),
    # The operand size is the mode's other one.
    "rexr": lambda case: case.rex & 4 != 0,
    "rex": lambda case: case.rex != 0,
    "clears-pg": lambda case: case.initial["cr0"] >> 31 & 1 and not case.source() >> 31 & 1,
    "operand32": lambda case: (0x66 in case.prefixes) == (case.mode == 16) and case.mode != 64,
    "negative16": lambda case: case.code[-1] & 0x80 != 0,
    "vm": lambda case: "vm" in case.differences,
    # A mandatory prefix and another one that could be.
    "two": lambda case: len(case.prefixes & {0x66, 0xF2, 0xF3}) > 1 or 0x66 in case.prefixes and "movbe" in case.row,
    "fences": lambda case: case.opcode[:2] == b"\x0f\xae",
    "op8f": lambda case: case.opcode[:1] == b"\x8f",
    "op-c6-c7": lambda case: case.opcode[:1] in (b"\xc6", b"\xc7"),
    "op0f20": lambda case: case.opcode[:1] == b"\x0f" and 0x20 <= case.opcode[1] <= 0x26,
    "cr0": lambda case: case.modrm is not None and case.modrm >> 3 & 7 == 0 and case.rex & 4 == 0 and 0xF0 not in case.prefixes,
    "cr8": lambda case: case.rex & 4 != 0 and case.source() >> 4 != 0,
    "bad-cr0": lambda case: case.source() & 0x80000001 == 0x80000000 or case.source() & 0x60000000 == 0x20000000,
    "upper": lambda case: case.source() >> 32 != 0,
    "clears-pae": lambda case: not case.source() & 0x20,
    "noncanonical": lambda case: (case.theirs["rip"] + (1 << 47)) % (1 << 64) >> 48 != 0,
    "noncanonical-stack": lambda case: (case.initial["rsp"] + (1 << 47)) % (1 << 64) >> 48 != 0,
    # The handler's frame has no place.
    "bad-stack": lambda case: case.initial["rsp"] & 0xFFFF in (1, 3, 5) if case.mode == 16
    else not 0x200000 <= case.initial["rsp"] - 0x40 <= 0x21FFC0,
    "cs-override": lambda case: 0x2E in case.prefixes,
    "np": lambda case: case.opcode[:2] in (b"\x0f\xc3", b"\x0f\xae") and bool(case.prefixes & {0x66, 0xF2, 0xF3}),
    # A pointer to less than a frame of ENTER or PUSHA above zero, or less than an operand below the end.
    "wraps": lambda case: any(case.initial[name] < 0x100 or case.initial[name] >= 0xFFFFFF00 for name in GENERAL[:8]),
    "cr3": lambda case: case.modrm is not None and case.modrm >> 3 & 7 == 3,
    "op-fe-ff": lambda case: case.opcode[:1] in (b"\xfe", b"\xff"),
    "device-port": lambda case: any(case.port() in ports for ports in (
        range(0xF1, 0xF8), range(0x3F5, 0x400), range(0x59D, 0x5B0))),
    "zero-source": lambda case: case.theirs["rflags"] & 64 != 0,
    # The operand is a register with a null selector.
    "null-source": lambda case: case.modrm is not None and case.modrm >> 6 == 3 and not case.source() & 0xFFFC,
    # unicorn stands at the instruction still, though it raised nothing.
    "self-write": lambda case: case.theirs["rip"] == case.initial["rip"] and "rip" in case.differences
    and not case.prefixes & {0xF2, 0xF3},
    "rip-relative": lambda case: case.modrm is not None and case.modrm & 0xC7 == 5,
    "string": lambda case: case.is_string(),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("triad")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--mode", type=int, choices=MODES, action="append")
    parser.add_argument("--show", type=int, default=40)
    options = parser.parse_args()
    exceptions = Exceptions()
    failed = False
    for mode in options.mode or MODES:
        command = [options.triad, "fuzz", "--isa", "x86", "--mode", str(mode), "--count", str(options.count),
                   "--seed", str(options.seed), "--first", str(options.first), "--write", "-"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1 << 20)
        machine = Machine(json.loads(process.stdout.readline()))
        unexplained = collections.Counter()
        sample = {}
        excepted = collections.Counter()
        rows = set()
        same = total = refused = 0
        for line in process.stdout:
            case = Case(machine, line)
            total += 1
            if case.our_vector == "unsupported" or not case.row:
                refused += 1
                continue
            rows.add(case.row)
            if not case.differences:
                same += 1
                continue
            name = exceptions.explain(case)
            if name:
                excepted[name] += 1
                continue
            key = (case.row, f"{case.our_vector}/{case.their_vector}", " ".join(case.differences))
            unexplained[key] += 1
            sample.setdefault(key, case.describe())
        process.wait()
        print(f"mode {mode}, seed {options.seed}: {total} cases of {len(rows)} rows, {same} the same, {refused} refused here, "
              f"{sum(excepted.values())} excepted, {sum(unexplained.values())} unexplained")
        for name, number in excepted.most_common():
            print(f"    {number:8} {name}")
        for key, number in unexplained.most_common(options.show):
            print(f"  ! {number:6} {' '.join(key)}\n      {sample[key]}")
        if unexplained or total != options.count:
            failed = True
    idle = exceptions.idle()
    if idle and not options.mode and options.count >= 1_000_000:
        print(f"exceptions that explain nothing: {' '.join(idle)}")
        failed = True
    sys.exit(1 if failed else 0)


main()
