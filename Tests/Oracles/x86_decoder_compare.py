#!/usr/bin/env python3
"""Compares the x86 decoder with capstone over random and structured byte strings.

Usage: x86_decoder_compare.py TRIAD [--count N] [--seed S] [--mode 16|32|64] [--show N]
                              [--syntax intel|att] [--fixture FILE]
TRIAD is the built command. N (default 1000000) byte strings a mode, all of 15 bytes; half are random behind
random prefixes, half walk over all opcodes of all maps and all ModRM register fields. Length and
mnemonic must be the same, or x86_decoder_exceptions.txt explains the difference; what is neither is
printed, and the exit status is 1. With --fixture, only a few thousand structured cases are made, and
capstone's answers are written to FILE for the package's own tests: mode, bytes, length, mnemonic.
Capstone (PyPI `capstone`) is a check tool, not a dependency.
"""
import argparse
import collections
import fnmatch
import pathlib
import random
import subprocess
import sys

import capstone

MODES = {16: capstone.CS_MODE_16, 32: capstone.CS_MODE_32, 64: capstone.CS_MODE_64}
PREFIXES = [0x66, 0x67, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0xF2, 0xF3, 0xF0]
MAPS = [b"", b"\x0f", b"\x0f\x38", b"\x0f\x3a"]
# Opcodes of the three-byte maps that have meanings outside VEX.
SSE_IN_LONG_MAPS = set(range(0x24)) | {0x24, 0x25, 0x28, 0x29, 0x2A, 0x2B} | set(range(0x30, 0x45))
SSE_IN_LONG_MAPS |= set(range(0x60, 0x64)) | {0x80, 0x81, 0x82} | set(range(0xC8, 0xD0)) | set(range(0xDB, 0xE0))
SSE_IN_LONG_MAPS |= set(range(0xF0, 0xFA))
ENGINE32 = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
PREFIX_WORDS = {"lock", "rep", "repe", "repz", "repne", "repnz", "notrack", "bnd", "xacquire", "xrelease", "data16"}


def tail(rng, head):
    return head + bytes(rng.randrange(256) for _ in range(max(0, 15 - len(head))))


def prefixes(rng, mode, most):
    found = bytes(rng.choice(PREFIXES) for _ in range(rng.randrange(most + 1)))
    if mode == 64 and rng.random() < 0.4:
        found += bytes([0x40 | rng.randrange(16)])
    return found


def structured(rng, mode, number):
    """Walks: opcode, then ModRM with every register field, then prefixes."""
    opcode = number % 1024
    number //= 1024
    field = number % 8
    number //= 8
    kind = number % 4
    mod = 3 if number // 4 % 2 else rng.randrange(3)
    lead = [b"", rng.choice([b"\x66", b"\xf2", b"\xf3"]), prefixes(rng, mode, 1), prefixes(rng, mode, 4)][kind]
    code = lead + MAPS[opcode >> 8] + bytes([opcode & 255, mod << 6 | field << 3 | rng.randrange(8)])
    return tail(rng, code)


def cases(mode, count, seed):
    rng = random.Random(seed * 100 + mode)
    for number in range(count):
        if number % 2:
            yield structured(rng, mode, number // 2)[:15]
        elif number % 4:
            yield bytes(rng.randrange(256) for _ in range(15))
        elif number % 16:
            yield tail(rng, prefixes(rng, mode, 3) + rng.choice(MAPS))[:15]
        else:
            yield tail(rng, prefixes(rng, mode, 14))[:15]


def fixture_cases(mode):
    """Few cases that reach every row of the table, which a test of the package checks."""
    rng = random.Random(mode)
    mandatory = (b"", b"\x66", b"\xf2", b"\xf3")

    def case(lead, head):
        return tail(rng, lead + head)[:15]

    for opcode in range(1024):
        head = MAPS[opcode >> 8] + bytes([opcode & 255])
        isSparse = opcode >= 512 and (opcode & 255) not in SSE_IN_LONG_MAPS
        for lead in (b"",) if isSparse else mandatory if opcode >= 256 else mandatory[:2]:
            yield case(lead, head + bytes([rng.randrange(192)]))
            if not isSparse and opcode >= 256 and mode != 16:
                yield case(lead, head + bytes([192 + rng.randrange(64)]))
        if opcode < 512:
            yield case(prefixes(rng, mode, 2), head)
        if mode == 64 and 256 <= opcode and not isSparse:
            yield case(rng.choice((b"", b"\x66", b"\xf3")) + bytes([0x48 | rng.randrange(8)]), head)
    groups = [0x80, 0x81, 0x82, 0x83, 0x8E, 0x8F, 0xC0, 0xC1, 0xC6, 0xC7, 0xD0, 0xD1, 0xD2, 0xD3, 0xF6, 0xF7, 0xFE, 0xFF]
    groups += [0xF00, 0xF01, 0xF0D, 0xF18, 0xF78, 0xFAE, 0xFBA, 0xFC7, 0xF71, 0xF72, 0xF73]
    for group in groups:
        head = bytes([0x0F, group & 255]) if group > 255 else bytes([group])
        for field in range(8):
            for mod in (rng.randrange(3), 3):
                for lead in mandatory if group > 255 else mandatory[:1]:
                    yield case(lead, head + bytes([mod << 6 | field << 3 | rng.randrange(8)]))
                for lead in (b"\x48", b"\xf3\x48") if mode == 64 and group > 255 else ():
                    yield case(lead, head + bytes([mod << 6 | field << 3]))
    # What does not depend on the mode is asked in one of them.
    for group in range(0xD8, 0xE0) if mode == 32 else ():
        for field in range(8):
            yield case(b"", bytes([group, rng.randrange(3) << 6 | field << 3]))
        for low in range(0xC0, 0x100):
            yield case(b"", bytes([group, low]))
    for low in range(0xC0, 0x100):
        yield case(b"", bytes([0x0F, 0x01, low]))
        yield case(b"\xf3", bytes([0x0F, 0x01, low]))
    for suffix in range(256) if mode == 64 else ():
        yield case(b"", bytes([0x0F, 0x0F, 0xC1, suffix]))
    for head in ("0f6e", "0f7e", "0f3a16", "0f3a22", "0f38f5", "0f38f6", "0f35"):
        for lead in (b"", b"\x66"):
            yield case(lead + (b"\x48" if mode == 64 else b""), bytes.fromhex(head) + b"\x0c")
    yield case(b"", b"\xc6\xf8")
    yield case(b"", b"\xc7\xf8")
    if mode == 64:
        yield case(b"\x44", b"\x0f\x22\xc0")
    yield case(b"\xf3", b"\x90")
    yield case(b"\xf3", b"\x0f\x1e\xfa")
    yield case(b"\xf3", b"\x0f\x1e\xfb")


def theirs(engine, code):
    """Length and mnemonic without its prefix words; `-` for no instruction."""
    found = next(engine.disasm_lite(code, 0x1000, 1), None)
    if found is None:
        return 0, "-", ""
    _, size, mnemonic, operands = found
    words = [word for word in mnemonic.split() if word not in PREFIX_WORDS]
    return size, words[0] if words else mnemonic, f"{mnemonic} {operands}"


def ours(triad, mode, codes, syntax):
    command = [triad, "disasm", "--isa", "x86", "--mode", str(mode), "--hex", "-", "--syntax", syntax]
    text = subprocess.run(command, input="\n".join(c.hex() for c in codes) + "\n", capture_output=True, text=True)
    if text.returncode != 0:
        sys.exit(text.stderr)
    lines = text.stdout.splitlines()
    if len(lines) != len(codes):
        sys.exit(f"{len(codes)} lines in, {len(lines)} lines out")
    for line in lines:
        length, shown = line.split("\t", 1)
        if shown in ("(undefined)", "(too long)"):
            yield 0, "-", shown
        elif shown.startswith("("):
            yield int(length), shown.strip("(").split()[0], shown
        else:
            words = [word for word in shown.split() if word not in PREFIX_WORDS]
            yield int(length), words[0], shown


def read_exceptions():
    """Lines of nine fields; see the file's head."""
    rules = []
    path = pathlib.Path(__file__).with_name("x86_decoder_exceptions.txt")
    for line in path.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 9:
            sys.exit(f"{path.name}: nine fields expected: {line}")
        rules.append(fields)
    return rules


def prefix_words(mode, code):
    """What the exceptions file may ask of the prefixes and the opcode."""
    found = set()
    for place, byte in enumerate(code):
        if byte in (0xF2, 0xF3):
            found.add("repeat")
        elif byte == 0xF0:
            found.add("lock")
        elif byte in (0x66, 0x67):
            found.add(f"{byte:x}")
        elif mode == 64 and byte & 0xF0 == 0x40:
            found.add("rex")
        elif byte not in PREFIXES:
            found.add("op" + code[place : place + (2 if byte == 0x0F else 1)].hex())
            break
    return found


def as32(code):
    """What capstone says of 16-bit code in its 32-bit mode with the other address size."""
    place = 0
    while code[place] in PREFIXES:
        place += 1
    head = code[:place]
    other = bytes(byte for byte in head if byte != 0x67)
    if other == head:
        other = b"\x67" + head
    size, word, shown = theirs(ENGINE32, other + code[place:])
    return (size + len(head) - len(other), word, shown) if size else (0, word, shown)


def matches(patterns, word):
    return any(fnmatch.fnmatchcase(word, pattern) for pattern in patterns.split())


def explain(rules, mode, code, our, their):
    """The name of the first exception that covers a difference, or nothing."""
    present = prefix_words(mode, code)
    for name, modes, wanted, our_words, their_words, what, *_ in rules:
        if modes != "all" and str(mode) not in modes.split():
            continue
        if wanted != "-" and not all(set(word.split("+")) & present for word in wanted.split()):
            continue
        if what == "mnemonic" and our[0] != their[0] or what == "length" and our[1] != their[1]:
            continue
        if what == "as32" and as32(code)[:2] != our[:2]:
            continue
        if matches(our_words, our[1]) and matches(their_words, their[1]):
            return name
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("triad")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", type=int, choices=MODES, action="append")
    parser.add_argument("--show", type=int, default=40)
    parser.add_argument("--syntax", default="intel", choices=["intel", "att"])
    parser.add_argument("--fixture")
    options = parser.parse_args()
    rules = read_exceptions()
    failed = False
    fixture = []
    for mode in options.mode or MODES:
        engine = capstone.Cs(capstone.CS_ARCH_X86, MODES[mode])
        if options.syntax == "att":
            engine.syntax = capstone.CS_OPT_SYNTAX_ATT
        codes = list(fixture_cases(mode) if options.fixture else cases(mode, options.count, options.seed))
        same = 0
        excepted = collections.Counter()
        unexplained = collections.Counter()
        sample = {}
        for code, our in zip(codes, ours(options.triad, mode, codes, options.syntax)):
            their = theirs(engine, code)
            name = None if our[:2] == their[:2] else explain(rules, mode, code, our, their)
            if name == "sse-16":
                their = as32(code)
            if options.fixture:
                fixture.append(f"{mode} {code.hex()} {their[0]} {their[1]}")
            if our[:2] == their[:2] and name is None:
                same += 1
                continue
            if name:
                excepted[name] += 1
                continue
            key = (our[1], their[1], our[0] == their[0])
            unexplained[key] += 1
            sample.setdefault(key, f"{code.hex()}  ours {our[0]} {our[2]}  theirs {their[0]} {their[2]}")
        print(f"mode {mode}, seed {options.seed}: {len(codes)} cases, {same} the same, "
              f"{sum(excepted.values())} excepted, {sum(unexplained.values())} unexplained")
        for name, number in excepted.most_common():
            print(f"    {number:8} {name}")
        for key, number in unexplained.most_common(options.show):
            failed = True
            print(f"  ! {number:8} {key[0]} / {key[1]}: {sample[key]}")
    if options.fixture:
        pathlib.Path(options.fixture).write_text("\n".join(fixture) + "\n")
    sys.exit(1 if failed else 0)


main()
