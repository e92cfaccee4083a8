#!/usr/bin/env python3
"""Writes the decoder fixture: what capstone says about instructions of the supported set.

Usage: x86_decoder_fixture.py OPCODES OUTPUT
OPCODES is x86_opcodes.txt: one opcode of the table a line, bytes in hex, then the ModRM digit or
`-`; DecoderFixtureTests compares it with the table and prints what it should be. Capstone (PyPI `capstone`) is a check tool, not a dependency: only its answers
are committed. Each line of the output: mode, bytes, length, mnemonic with its prefixes removed.
"""
import random
import sys

import capstone

MODES = {16: capstone.CS_MODE_16, 32: capstone.CS_MODE_32, 64: capstone.CS_MODE_64}
PREFIXES = [0x66, 0x67, 0x2E, 0x36, 0x3E, 0x26, 0x64, 0x65]


def main():
    opcodes = []
    with open(sys.argv[1]) as lines:
        for line in lines:
            text, digit = line.split()
            opcodes.append((bytes.fromhex(text), None if digit == "-" else int(digit)))
    rng = random.Random(1)
    out = []
    for mode, flag in MODES.items():
        engine = capstone.Cs(capstone.CS_ARCH_X86, flag)
        for opcode, digit in opcodes:
            for round_ in range(6):
                code = b""
                if round_ % 3 == 1:
                    code = bytes([rng.choice(PREFIXES)])
                if mode == 64 and round_ % 2:
                    rex = bytes([0x40 | rng.randrange(16)])
                    code += opcode[:1] + rex + opcode[1:] if opcode[0] == 0xF3 else rex + opcode
                else:
                    code += opcode
                if digit is not None:
                    code += bytes([rng.randrange(4) << 6 | digit << 3 | rng.randrange(8)])
                code += bytes(rng.randrange(256) for _ in range(15 - len(code)))
                found = next(engine.disasm(code, 0x1000, 1), None)
                if found is None:
                    out.append(f"{mode} {code.hex()} 0 -")
                    continue
                words = [w for w in found.mnemonic.split() if w not in ("lock", "rep", "repe", "repne", "notrack", "bnd", "xacquire", "xrelease")]
                out.append(f"{mode} {code.hex()} {found.size} {words[0]}")
    with open(sys.argv[2], "w") as target:
        target.write("\n".join(out) + "\n")


main()
