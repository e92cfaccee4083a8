#!/usr/bin/env python3
"""Plants bugs in the x86 emulator's fast loop and checks that each of them is caught.

All bugs go into one copy of the package, each behind a number that the environment variable PLANTED
chooses, so that one build serves them all. A bug is caught when the tests named below fail with it; without
a bug they must pass. The copy has only the targets that these tests need.

Usage: Tests/Mutation/fast-loop.py COPY [--only N,N] [--list]
COPY is a directory that is made if need be and may be kept for the next run. Exit status: 0 all caught, 1 a
bug survived, 2 something else went wrong (a bug's text no longer occurs exactly once, a build failed).
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

FAST = "Sources/X86Backend/Interpreter/Fast/"
HOOK = '''
/// Number of the planted bug.
let plantedBug: Int = getenv("PLANTED").flatMap { Int(String(cString: $0)) } ?? 0
'''

# What is wrong, file, text as it is, text with the bug (BUG stands for "this bug is on").
BUGS = [
    ("INC and DEC lose the carry", "FastFlags.swift",
     "case inc: bits = X86Core.add(a, 1, 0, width).1 & ~1 | carry",
     "case inc: bits = X86Core.add(a, 1, 0, width).1 & ~1 | (BUG ? 0 : carry)"),
    ("ADC sees no carry of an INC before it", "FastFlags.swift",
     "case Self.inc, Self.dec: carry", "case Self.inc, Self.dec: BUG ? 0 : carry"),
    ("SHL's carry is the bit beside", "FastFlags.swift",
     "carry = value >> (bits - count) & 1", "carry = value >> (bits - count - (BUG ? 1 : 0)) & 1"),
    ("SHR by one has no overflow", "FastFlags.swift",
     "overflow = count == 1 ?", "overflow = count == 1 && !(BUG) ?"),
    ("a condition after CMP ignores the width of the sign", "FastFlags.swift",
     "Int64(bitPattern: (a &- b) &<< UInt64(shift)) < 0",
     "Int64(bitPattern: (a &- b) &<< UInt64(BUG ? 0 : shift)) < 0"),
    ("TEST leaves the other operand for the conditions", "FastRoutine.swift",
     "    flags.a = r[Int(op.pointee.a)] & source(r, op) & mask(width)\n    flags.b = 0",
     "    flags.a = r[Int(op.pointee.a)] & source(r, op) & mask(width)\n    if !(BUG) { flags.b = 0 }"),
    ("16-bit results clear the register's upper part", "FastRoutine.swift",
     "if width >= 2 {", "if width >= 2 || BUG && width == 1 {"),
    ("SAR of 32 bits shifts in zeros", "FastRoutine.swift",
     "bitPattern: Int32(truncatingIfNeeded: x) &>> Int32(truncatingIfNeeded: count)))",
     "bitPattern: BUG ? Int32(bitPattern: UInt32(truncatingIfNeeded: x) &>> UInt32(truncatingIfNeeded: count))"
     " : Int32(truncatingIfNeeded: x) &>> Int32(truncatingIfNeeded: count)))"),
    ("ROR's overflow is that of ROL", "FastRoutine.swift",
     "let overflow = left ? top ^ carry", "let overflow = left || BUG ? top ^ carry"),
    ("a 32-bit quotient that does not fit is cut", "FastRoutine.swift",
     "guard quotient <= mask(2) else { return false }",
     "guard quotient <= mask(2) || BUG else { return false }"),
    ("the product's overflow ignores the sign", "FastRoutine.swift",
     "high != (signed && isNegative ? mask(width) : 0)", "high != (signed && isNegative && !(BUG) ? mask(width) : 0)"),
    ("CMOV of 32 bits that does not move keeps the upper half", "FastLoop.swift",
     "let source = holds(op.pointee.extra, &flags, r) ? r[Int(op.pointee.b)] : r[Int(op.pointee.a)]\n"
     "        r[Int(op.pointee.a)] = source & 0xFFFF_FFFF",
     "let source = holds(op.pointee.extra, &flags, r) ? r[Int(op.pointee.b)] : r[Int(op.pointee.a)]\n"
     "        if !(BUG) || source != r[Int(op.pointee.a)] { r[Int(op.pointee.a)] = source & 0xFFFF_FFFF }"),
    ("JBE is JB", "FastLoop.swift",
     "at.branch(flags.a <= flags.b, op, frame)", "at.branch(BUG ? flags.a < flags.b : flags.a <= flags.b, op, frame)"),
    ("JG is JGE", "FastLoop.swift",
     "guard at.branch(!flags.isLessOrEqual(op.pointee.shift), op, frame)",
     "guard at.branch(BUG ? !flags.isLess(op.pointee.shift) : !flags.isLessOrEqual(op.pointee.shift), op, frame)"),
    ("RET n does not release n bytes", "FastLoop.swift",
     "r[4] = (r[4] &+ 8 &+ op.pointee.immediate) & memory.mask",
     "r[4] = (r[4] &+ 8 &+ (BUG ? 0 : op.pointee.immediate)) & memory.mask"),
    ("PUSH moves the stack pointer before it can fail", "FastLoop.swift",
     "    guard memory.store(place, value) else { return false }\n    r[4] = place",
     "    if BUG { r[4] = place }\n    guard memory.store(place, value) else { return false }\n    r[4] = place"),
    ("a load across pages reads on in the first one's storage", "FastMemory.swift",
     "let page = readPages + Int(truncatingIfNeeded: address &>> 12 & UInt64(FastFrame.pageCount - 1))\n"
     "    // The last byte's page, so that what crosses into the next one has no entry.\n"
     "    guard page.pointee.tag == (address &+ (size &- 1)) & ~0xFFF else {",
     "let page = readPages + Int(truncatingIfNeeded: address &>> 12 & UInt64(FastFrame.pageCount - 1))\n"
     "    guard page.pointee.tag == (address &+ (BUG ? 0 : size &- 1)) & ~0xFFF else {"),
    ("stores into decoded code are not noticed", "FastMemory.swift",
     "guard granules[physical &>> X86Core.granuleShift] == 0 else {",
     "guard granules[physical &>> X86Core.granuleShift] == 0 || BUG else {"),
    ("the last byte of a block is not watched", "FastCode.swift",
     "let high = low + count - 1", "let high = low + max(count - (BUG ? 2 : 1), 0)"),
    ("blocks are found by an address of an older translation", "X86Core+Fast.swift",
     "if target.pointee.address == address, target.pointee.epoch == world {",
     "if target.pointee.address == address, target.pointee.epoch == world || BUG && target.pointee.epoch != 0 {"),
    ("pages outlive a change of the page tables", "X86Core+Fast.swift",
     "if fast.choosePages(isUser: privilege == 3, epoch) { fast.dropPages() }",
     "if fast.choosePages(isUser: privilege == 3, epoch) && !(BUG) { fast.dropPages() }"),
    ("ring 3 uses the supervisor's pages", "X86Core+Fast.swift",
     "frame.pointee.epoch = world",
     "if BUG { _ = fast.choosePages(isUser: false, epoch) }\n    frame.pointee.epoch = world"),
    ("ring 3 finds the supervisor's blocks", "X86Core+Fast.swift",
     "epoch << 8 | UInt64(context) << 1 | (privilege == 3 ? 1 : 0)",
     "epoch << 8 | UInt64(context) << 1 | (privilege == 3 && !(BUG) ? 1 : 0)"),
    ("stores after a report are not reported", "X86Core+Fast.swift",
     "fast.dropWritePages()", "if !(BUG) { fast.dropWritePages() }"),
    ("a block goes on into the next page of storage", "X86Core+Fast.swift",
     "let pageEnd = min((physical | 0xFFF) + 1, memorySize)",
     "let pageEnd = min((physical | 0xFFF) + (BUG ? 65 : 1), memorySize)"),
    ("jumps are linked across pages", "X86Core+Fast.swift",
     "if from ^ block.pointee.immediate < 0x1000 {", "if from ^ block.pointee.immediate < 0x1000 || BUG {"),
    ("an exact step counts its block's instructions", "X86Core+Fast.swift",
     "frame.pointee.remaining &+= Int64(block.pointee.displacement) &- Int64(operation.pointee.ordinal)",
     "frame.pointee.remaining &+= Int64(block.pointee.displacement) &- Int64(operation.pointee.ordinal) &- (BUG ? 1 : 0)"),
    ("segments that do not start at zero count as flat", "X86Core+Fast.swift",
     "guard r[X86Register.esBase.index + number] == 0,", "guard r[X86Register.esBase.index + number] == 0 || BUG,"),
    ("a taken branch counts one instruction too many", "FastBuilder.swift",
     "operations[index].extra = UInt16(count - Int(operations[index].ordinal) - 1)",
     "operations[index].extra = UInt16(max(count - Int(operations[index].ordinal) - (BUG ? 2 : 1), 0))"),
    ("flags count as unseen although a load may fault", "FastBuilder.swift",
     "if !touchesStorage {", "if !touchesStorage || BUG {"),
    ("a carry after INC or DEC counts as a comparison's", "FastFlow.swift",
     "if hasCarry || !(condition >> 1 == 1 || condition >> 1 == 3) {",
     "if hasCarry || BUG || !(condition >> 1 == 1 || condition >> 1 == 3) {"),
]

# Targets, and files of Tests/X86BackendTests, that the copy has.
TARGETS = ["Trace", "MachineCore", "Simulator", "CKVM", "X86Backend"]
TESTS = "Tests/X86BackendTests/"
FILES = ["FastLoop*.swift", "RandomX86Program.swift", "InterpreterTests.swift", "System/*.swift"]


def make(root, copy):
    """Copies what the tests need, with a package of its own."""
    for name in ["Sources", "Tests"]:
        if (copy / name).is_dir():
            shutil.rmtree(copy / name)
    for name in TARGETS:
        shutil.copytree(root / "Sources" / name, copy / "Sources" / name)
    for pattern in FILES:
        for file in sorted((root / TESTS).glob(pattern)):
            target = copy / file.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target)
    text = (root / "Package.swift").read_text()
    head, rest = text.split("  products: [", 1)
    targets = rest.split("  targets: [\n", 1)[1]
    kept = []
    for entry in re.split(r"(?=^    (?:library|tests|\.target|\.executableTarget)\()", targets, flags=re.M):
        name = re.search(r'\(\s*(?:name: )?"(\w+)"', entry)
        if name and name[1] in TARGETS + ["X86BackendTests"]:
            kept.append(entry.removesuffix("  ]\n)\n"))
    head = head.replace(
        '''      "Trace", "MachineCore", "ToyISA", "Simulator", "Emulator", "Virtualizer", "X86Backend",
      "Properties", "TriadCommands",
''', "".join(f'      "{name}",\n' for name in TARGETS if name != "CKVM"))
    (copy / "Package.swift").write_text(head + "  targets: [\n" + "".join(kept) + "  ]\n)\n")


def plant(copy):
    """Puts all bugs into the copy."""
    texts = {}
    for number, (_, name, old, new) in enumerate(BUGS, 1):
        path = copy / FAST / name
        text = texts.get(path) or path.read_text()
        if text.count(old) != 1:
            sys.exit(f"bug {number}: its text occurs {text.count(old)} times in {name}, not once")
        texts[path] = text.replace(old, new.replace("BUG", f"plantedBug == {number}"))
    for path, text in texts.items():
        path.write_text(text)
    hook = copy / FAST / "PlantedBug.swift"
    hook.write_text("#if canImport(Glibc)\n  import Glibc\n#else\n  import Darwin\n#endif\n" + HOOK)


def run(command, copy, bug=0, quiet=True):
    environment = dict(os.environ, PLANTED=str(bug))
    try:
        result = subprocess.run(
            command, cwd=copy, env=environment, timeout=900, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired:
        return 124, "more than fifteen minutes"
    return result.returncode, result.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("copy", type=pathlib.Path)
    parser.add_argument("--only", default="", help="numbers of bugs")
    parser.add_argument("--list", action="store_true", help="print the bugs and end")
    options = parser.parse_args()
    if options.list:
        for number, bug in enumerate(BUGS, 1):
            print(f"{number:2} {bug[0]} ({bug[1]})")
        return 0
    root = pathlib.Path(__file__).resolve().parents[2]
    copy = options.copy
    copy.mkdir(parents=True, exist_ok=True)
    make(root, copy)
    plant(copy)
    status, text = run(["swift", "build", "--build-tests"], copy)
    if status != 0:
        print(text[-4000:])
        return 2
    test = ["swift", "test", "--skip-build", "--disable-xctest"]
    status, text = run(test, copy)
    if status != 0:
        print(text[-4000:])
        print("the tests fail without a bug")
        return 2
    chosen = [int(number) for number in options.only.split(",") if number] or range(1, len(BUGS) + 1)
    survivors = []
    for number in chosen:
        status, text = run(test, copy, number)
        caught = sorted({line.split(" recorded an issue")[0].split("Test ")[-1].split(" with ")[0]
                         for line in text.splitlines() if " recorded an issue" in line})
        if status != 0:
            how = ", ".join(caught[:4]) if caught else ("timeout" if status == 124 else "crash")
        else:
            how = "SURVIVED"
            survivors.append(number)
        print(f"{number:2} {BUGS[number - 1][0]}: {how}", flush=True)
    print(f"{len(list(chosen)) - len(survivors)} of {len(list(chosen))} caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
