#!/usr/bin/env python3
"""Runs the commands that the pages quote, and compares what transcripts in pages show with what the commands print.

Usage: Scripts/check-pages.py [--triad TRIAD] [--jobs N] [--verbose] [PAGE…]
  TRIAD   the program, .build/release/triad if not given
  PAGE    pages to read; all of the repository if not given

In a page, commands are
  - between backticks, if the first word is a program of PROGRAMS below; each runs in a folder of its own,
  - the lines of a fence marked `sh`; they run in order in one folder and shell,
  - the lines of a fence marked `console` that begin with `$ `; the lines between them are what the command before them
    prints (`…` stands for anything, on a line of its own for any lines). `$ cat FILE` makes the file with what follows,
    and lines that begin with `(gdb) ` are typed into the gdb before them.

The folder looks like the repository. Tables below say what placeholders stand for, which files are there, and what
does not run here and why; an entry of a table that is never needed is an error, so the tables cannot grow old.

Between backticks the exit status must be one that tells of no misuse: 0, a check that failed (1), a guest's fault
(4), a limit (5), a host that lacks something (77). In a fence it must be 0, or N if the page says `# exit status N` behind
the command. Names of commands and options (`triad step`, `triad run --json`) that do not run by themselves must be in a
help page, and names of scripts must be files.
"""
import argparse
import concurrent.futures
import itertools
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 120
HARMLESS = {0, 1, 4, 5, 77}
PROGRAMS = r"triad|\.build/release/triad|swift|python3|gdb|git|cd|cat|echo|source|\S*Programs/build|(?:venv|oracle)/bin/\w+|[\w/]*/[\w-]+\.(?:sh|py)|\.ci/run"
COMMAND = re.compile(rf"^(?:\w+=\S+ )*(?:{PROGRAMS})(?= |$)")

# What runs elsewhere: by a section of .ci/run, or not in CI, with the reason.
ELSEWHERE = [
    (r"swift build -c release", "section: release build"),
    (r"swift run -c release triad( compare)?", "section: compare"),
    (r"swift format lint .*", "section: format lint"),
    (r"\S*Programs/build( --check)?", "section: x86 workloads: the bytes come from the sources"),
    (r"(TRIAD_\w+=\w+ )*swift test( --disable-xctest)?( --filter (ReferenceCard(Tests)?|KVMLifeTests|MutantTests))?", "section: tests"),
    (r"(TRIAD_ONLY=\w+ )?(cd Labs && )?swift test --filter Lab(\d\d|NN)",
     "section: labs: swift test with the solutions and with the students' files"),
    (r"python3 -m venv oracle && .*|oracle/bin/python Tests/Oracles/x86_unicorn_compare\.py .*", "section: x86 instructions against unicorn"),
    (r"python3 -m venv venv && venv/bin/pip install .*|(venv/bin/python )?Notebooks/run\.py|venv/bin/python -m pytest .*",
     "section: notebooks: from top to bottom, with KVM where there is one, and without"),
    (r"Scripts/check-(labs|student-tests|hot-loop|firmware|platforms|gdb|stepper)\.sh( .*)?|Scripts/check-(report|dap|exports|qemu)\.py( .*)?", "the script is in .ci/run"),
    (r"\.ci/run|Scripts/check-pages\.py", "it runs this"),
    (r"Scripts/check-class\.sh", "takes minutes"),
    (r"swift build --sanitize address", "takes minutes"),
    (r"Scripts/bench-bochs\.py .*", "measures, and needs Debian's bochs"),
    (r"Tests/Oracles/x86_decoder_compare\.py TRIAD", "takes minutes, and needs PyPI's capstone"),
    (r"Tests/Mutation/fast-loop\.py COPY", "takes hours"),
]

# What placeholders stand for: the first row whose expression is found in the command, before the defaults of the last.
VALUES = [
    (r"triad export", {"TRACE": "a.bin", "FORMAT": "csv", "FILE": "a.csv"}),
    (r"--html FILE", {"FILE": "page.html"}),
    (r"--gdb", {"P": "long64", "PORT": "1234"}),
    (r"--dirty", {"P": "long64"}),
    (r"triad vectors", {"FILE": '"$REPOSITORY"/Tests/Vectors/8086.json', "MODEL": "8086"}),
    (r"fuzz --write", {"FILE": "cases.json"}),
    (r"--mode (32|64) --cpu", {"MODEL": "x86-64"}),
    (r"triad witness --host", {"FILE": "made/x86-64-sgdt-*.json"}),
    (r"--random N", {"N": "100"}),
    (r"--depth N", {"N": "2"}),
    (r"--jobs N", {"N": "2", "DIR": "class", "OUT": "grades"}),
    (r"mutants run --tests", {"DIR": "Labs/Lab10/Sources"}),
    (r"labs create", {"NAME": "Lab11"}),
    ("", {"P": "hello", "E": "emulator", "V": "popf", "NAME": "popf", "MODEL": "386", "N": "20000", "ID": "ada", "FOLDER": "witnesses",
          "FILE": "made/x86-64-sgdt-*.json", "DIR": "Labs/Lab01/Sources"}),
]

# What is put in place of what a page says, once placeholders have their values.
STAND_INS = [
    (r"git clone … triad", 'git clone -q "$REPOSITORY" triad && ln -s "$PWD/.build" triad/.build'),
    (r"^git (rm -r .*)", r'git clone -q "$REPOSITORY" copy && cd copy && git \1'),
    (r"^Labs/Gradescope/package.sh .*", r'git clone -q "$REPOSITORY" copy && cd copy && \g<0>'),
    (r"^git checkout .*", r'git clone -q "$REPOSITORY" copy && cd copy/Labs && \g<0>'),
    (r'"…"', '"Some title"'),
    (r"triad grade (Lab\d+)", r'triad grade \1 --labs "$ROOT/Labs"'),  # There it is built what submissions share.
    # What is short enough to be run here.
    (r"triad bench( --rounds \d+)?$", "triad bench --isa toy --rounds 1"),
    (r"triad doctor --machines \d+", "triad doctor --machines 100"),
    (r"triad check --random 10000", "triad check --random 100"),
    (r"^triad fuzz --isa toy(?!.*--count).*", r"\g<0> --count 60"),
    (r"^triad fuzz(?!.*--count).*", r"\g<0> --count 300"),
    # What is on the disk waits for a key.
    (r"(--floppy \S+)", r"\1 --max-instructions 30000000"),
    # It waits for gdb, for as long as nobody ends it.
    (r"^triad run long64 --gdb tcp:1234 --wait$", r"timeout 2 \g<0>; [ $? = 124 ]"),
]

# Files that pages name, each with the command that makes it, in a folder of samples.
SAMPLES = {
    "a.bin": "triad trace hello --on virtualizer -o a.bin",
    "b.bin": "triad trace hello --on emulator -o b.bin",
    "a.jsonl": "triad trace hello --on simulator -o a.jsonl",
    "minos.snapshot": "triad snapshot save minos --until 20000 -o minos.snapshot",
    "program.asm": 'cp "$REPOSITORY"/Labs/Lab05/Sources/popf.asm program.asm',
    "kernel.elf": 'cp "$REPOSITORY"/Sources/X86Backend/Workloads/Images/minos64.elf kernel.elf',
    "minos64.elf": 'cp "$REPOSITORY"/Sources/X86Backend/Workloads/Images/minos64.elf minos64.elf',
    "disk.img": 'cp "$REPOSITORY"/Sources/X86Backend/Workloads/Images/boot-sector.bin disk.img && truncate -s 4M disk.img',
    "boot.img": 'cp "$REPOSITORY"/Sources/X86Backend/Workloads/Images/boot-sector.bin boot.img && truncate -s 1474560 boot.img',
    "bios.bin": "cp /usr/share/seabios/bios-256k.bin bios.bin",
    "vgabios.bin": "cp /usr/share/seabios/vgabios-isavga.bin vgabios.bin",
    "qemu.log": 'cp "$REPOSITORY"/Tests/Logs/qemu-7.2-protected32.log qemu.log',
    "file": "echo file >file",
    "made": "triad classify --isa x86 --mode 64 --witnesses made >/dev/null",
    "class": 'mkdir -p class/ada && cp "$REPOSITORY"/Labs/Lab01/Sources/* class/ada',
}

# What may differ in a transcript: page, and what is left out on both sides.
VARYING = [
    ("README.md", r"\d+\.\d\d +\d+\.\d×"),  # Times.
    ("README.md", r"^ *virtualizer +-.*|^  (real16|protected32|long64|minos-x86-64) +IO.*|(?<=no check failed).*"),  # What KVM does here.
]

used: set[tuple[str, int]] = set()
lock = threading.Lock()
running: set[int] = set()  # Process groups.


class Failure(Exception):
    """What is wrong with a page, in words."""


def end(group):
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def stop(number, _):
    for group in list(running):
        end(group)
    os._exit(128 + number)


def use(table, index):
    with lock:
        used.add((table, index))


# Pages

def pages():
    names = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT, text=True,
                           capture_output=True, check=True).stdout.split()
    return [name for name in names if (ROOT / name).exists()]


class Step:
    """One command of a page, with what the page shows below it."""

    def __init__(self, page, line, text, fenced=False, shown=None):
        self.page, self.line, self.text, self.fenced, self.shown = page, line, text, fenced, shown
        self.typed = []  # What is typed into it.

    @property
    def place(self):
        return f"{self.page}:{self.line}"


def read(page):
    """The groups of steps of a page: a fence's, and one for each command between backticks."""
    groups, prose, fence, kind = [], [], None, ""
    for number, line in enumerate((ROOT / page).read_text().split("\n"), 1):
        if line.lstrip().startswith("```"):
            if fence is None:
                fence, kind = [], line.strip()[3:]
            else:
                groups.append(fence)
                fence = None
            prose.append("")
        elif fence is None:
            if COMMAND.match(line.strip()) and line.startswith("    "):
                raise Failure(f"{page}:{number}: commands belong into a fence marked sh or console: {line.strip()}")
            prose.append(line)
        else:
            prose.append("")
            if kind == "sh" and line.strip() and not line.startswith("#"):
                fence.append(Step(page, number, line, True))
            elif kind == "console" and line.startswith("$ "):
                fence.append(Step(page, number, line[2:], True, []))
            elif kind == "console" and line.startswith("(gdb) "):
                fence[-1].typed.append(line[6:])
            elif kind == "console":
                fence[-1].shown.append(line)
            elif re.match(rf"\$ |(?:{PROGRAMS}) [a-z-]", line):
                raise Failure(f"{page}:{number}: a command in a fence that is not marked sh or console: {line}")
    text = "\n".join(prose)
    for match in re.finditer(r"(`+)(.+?)\1", text, re.S):
        command = " ".join(match[2].split()).replace(r"\|", "|")
        if COMMAND.match(command):
            groups.append([Step(page, text.count("\n", 0, match.start()) + 1, command)])
    return [group for group in groups if group]


# From what a page says to what runs

def variants(text):
    """A synopsis as commands: without what is in brackets, with it, and with each alternative."""
    bare = text
    while re.search(r"\s*\[[^][]*\]", bare):
        bare = re.sub(r"\s*\[[^][]*\]", "", bare)
    result = []
    for form in dict.fromkeys([bare, re.sub(r"[][]", "", text)]):
        words = [word.split("|") if "|" in word.strip("|") and "'" not in word else [word] for word in form.split(" ")]
        for index in range(max(len(word) for word in words)):
            result.append(" ".join(word[index % len(word)] for word in words))
    return list(dict.fromkeys(result))


def concrete(text):
    """The command with values for its placeholders."""
    defaults = VALUES[-1][1]
    index, values = next((index, values) for index, (expression, values) in enumerate(VALUES) if re.search(expression, text))
    use("VALUES", index)
    names = {**defaults, **values}
    text = re.sub(r"(?<![\w./-])([A-Z]+)(…?)(?![\w./-])(?!=)", lambda match: names.get(match[1], match[0]), text)
    for index, (expression, stand_in) in enumerate(STAND_INS):
        changed = re.sub(expression, stand_in, text)
        if changed != text:
            use("STAND_INS", index)
            text = changed
    if "…" in text:
        raise Failure(f"nothing stands for a placeholder of `{text}`")
    return text


def elsewhere(text):
    for index, (expression, where) in enumerate(ELSEWHERE):
        if re.fullmatch(expression, text):
            use("ELSEWHERE", index)
            return where
    return None


# Running

class Workshop:
    def __init__(self, triad, folder, verbose):
        self.triad, self.folder, self.verbose = triad, folder, verbose
        self.count = itertools.count()
        self.samples_lock = threading.Lock()
        (folder / "bin").mkdir()
        (folder / "bin/triad").symlink_to(triad)
        self.samples = folder / "samples"
        self.samples.mkdir()
        # The repository as a student clones it.
        self.repository = folder / "repository"
        listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                                capture_output=True, check=True).stdout.decode().split("\0")
        for name in filter(None, listed):
            if (ROOT / name).is_file():
                (self.repository / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.repository / name)
        for arguments in (["init", "-q"], ["add", "-A"], ["-c", "user.name=pages", "-c", "user.email=pages@localhost", "commit", "-qm", "all"]):
            subprocess.run(["git", *arguments], cwd=self.repository, check=True)

    def place(self):
        """A new folder that looks like the repository."""
        place = self.folder / f"place{next(self.count)}"
        place.mkdir()
        for entry in self.repository.iterdir():
            if entry.name == "Labs":
                shutil.copytree(entry, place / "Labs")
            elif entry.name != ".git":
                (place / entry.name).symlink_to(entry)
        (place / ".build").mkdir()
        (place / ".build/release").symlink_to(self.triad.parent)
        (ROOT / ".build/grading").mkdir(parents=True, exist_ok=True)
        (place / ".build/grading").symlink_to(ROOT / ".build/grading")
        return place

    def named(self, text):
        """The samples that a command names and does not write itself."""
        read = re.sub(r"(-o|--html|--witnesses|>|=)\s*\S+", "", text)
        for index, (name, recipe) in enumerate(SAMPLES.items()):
            if re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w.-])", read):
                use("SAMPLES", index)
                yield name, recipe

    def absent(self, text):
        """A file of the system that a command, or a sample that it needs, names and that is not there."""
        texts = [text, *(recipe for _, recipe in self.named(text))]
        return next((path for path in re.findall(r"(?<!\S)/(?:usr|boot)/\S+", "\n".join(texts)) if not Path(path).exists()), None)

    def provide(self, text, place):
        for name, recipe in self.named(text):
            with self.samples_lock:
                if not (self.samples / name).exists():
                    run, output = self.shell([recipe], self.samples)
                    if run[0] != 0:
                        raise Failure(f"the sample {name} could not be made: {output[0].strip()[:500]}")
            if not (place / name).exists():
                copy = shutil.copytree if (self.samples / name).is_dir() else shutil.copy2
                copy(self.samples / name, place / name)

    def shell(self, commands, place, typed=None, seconds=SECONDS):
        """Runs commands in order in one shell; their exit statuses and what they print."""
        results = Path(tempfile.mkdtemp(dir=self.folder))
        lines = ["status=0"]
        for index, command in enumerate(commands):
            (results / f"{index}.in").write_text("".join(line + "\n" for line in typed[index]) if typed else "")
            lines += [f"{{ (exit $status)", command, f"}} <{results}/{index}.in >{results}/{index}.out 2>&1",
                      f"status=$?; echo $status >{results}/{index}.status"]
        environment = {**os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}", "ROOT": str(ROOT), "REPOSITORY": str(self.repository),
                       "PAGER": "cat", "MANPAGER": "cat", "TERM": "dumb"}
        process = subprocess.Popen(["bash", "-c", "\n".join(lines)], cwd=place, env=environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        running.add(process.pid)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        end(process.pid)
        running.discard(process.pid)
        process.wait()
        statuses, outputs = [], []
        for index in range(len(commands)):
            status, output = results / f"{index}.status", results / f"{index}.out"
            statuses.append(int(status.read_text()) if status.exists() else None)
            outputs.append(output.read_text(errors="replace") if output.exists() else "")
        return statuses, outputs


def comparable(lines, page):
    """The lines without what VARYING names, with single blanks; lines of which that leaves nothing are left out."""
    result = []
    for line in lines:
        kept = line
        for index, (where, expression) in enumerate(VARYING):
            if where == page and re.search(expression, kept):
                use("VARYING", index)
                kept = re.sub(expression, "", kept)
        if kept.strip() or not line.strip():
            result.append(re.sub(r"─+", "─", " ".join(kept.split())))
    return result


def compare(step, output):
    """Fails where a transcript shows what the command did not print."""
    shown = comparable(step.shown, step.page)
    printed = comparable(re.sub(r"^(\(gdb\) )+", "", output.rstrip("\n"), flags=re.M).split("\n"), step.page)
    pieces, piece, texts = [], [], {}
    for line in [*shown, "…"]:
        if line == "…":
            pieces.append(piece)
            piece = []
        else:
            piece.append(re.compile(".*".join(re.escape(part) for part in line.split("…"))))
            texts[piece[-1]] = line
    position = 0
    for number, piece in enumerate(pieces):
        if not piece:
            continue
        last = number == len(pieces) - 1
        starts = range(position, len(printed) - len(piece) + 1) if number else [0]
        if last:  # Nothing may follow what a page shows last.
            starts = [start for start in starts if start == len(printed) - len(piece)]
        for start in starts:
            if all(expected.fullmatch(line) for expected, line in zip(piece, printed[start:])) and start + len(piece) <= len(printed):
                position = start + len(piece)
                break
        else:
            for line in piece:
                if not any(line.fullmatch(candidate) for candidate in printed):
                    raise Failure(f"the transcript shows a line that is not printed: {texts[line]}")
            raise Failure(f"the transcript's lines are printed, but not one below the other, from: {texts[piece[0]]}")


class Result:
    def __init__(self):
        self.ran, self.lines, self.problems, self.skipped, self.notes, self.times = 0, 0, [], [], [], []


def check(group, workshop):
    """Runs a group of steps; a Result."""
    result = Result()
    fenced = group[0].fenced
    todo = []  # Steps with the command that runs and the statuses that it may end with.
    for step in group:
        text, _, remark = step.text.partition("#") if fenced else (step.text, "", "")
        text = text.strip()
        where = elsewhere(text)
        if not where and re.fullmatch(r"[\w/.-]+\.(sh|py)", text):
            if not any((ROOT / folder / text).exists() for folder in (".", "Labs")):
                result.problems.append(f"{step.place}: there is no {text}")
            continue
        if where:
            result.skipped.append((where, step))
            continue
        said = re.search(r"exit status (\d+)", remark)
        allowed = {int(said[1])} if said else {0} if fenced else HARMLESS
        try:
            if step.shown and re.fullmatch(r"cat [\w.-]+", text):
                commands = [f"cat >{text[4:]} <<'END_OF_FILE'\n" + "\n".join(step.shown) + "\nEND_OF_FILE"]
                step.shown = None
            else:
                commands = [concrete(form) for form in ([text] if fenced else variants(text))]
            todo += [(step, command, allowed) for command in commands]
        except Failure as failure:
            result.problems.append(f"{step.place}: {failure}")
    for batch in [todo] if fenced else [[item] for item in todo]:
        if not batch:
            continue
        place = workshop.place()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        commands = [re.sub(r"(tcp|localhost):1234\b", rf"\1:{port}", command) for _, command, _ in batch]
        try:
            step = batch[0][0]
            absent = workshop.absent("\n".join(commands))
            if absent:
                result.notes.append(f"{step.place}: not tried, there is no {absent}: {commands[0]}")
                continue
            workshop.provide("\n".join(commands), place)
            start = time.monotonic()
            statuses, outputs = workshop.shell(commands, place, [step.typed for step, _, _ in batch])
            result.times.append((time.monotonic() - start, commands[0]))
            if workshop.verbose:
                print(f"{result.times[-1][0]:6.1f} s  {step.place}  {commands[0]}", flush=True)
            for (step, _, allowed), command, status, output in zip(batch, commands, statuses, outputs):
                try:
                    judge(step, command, status, output, allowed, workshop, place, result)
                except Failure as failure:
                    result.problems.append(f"{step.place}: {failure}")
        except Failure as failure:  # A sample that cannot be made.
            result.problems.append(f"{step.place}: {failure}")
        shutil.rmtree(place, ignore_errors=True)
    return result


def judge(step, command, status, output, expected, workshop, place, result):
    if status is None:
        raise Failure(f"`{command}` was not over after {SECONDS} s")
    result.ran += 1
    if status == 127 and re.search(r"\b(gdb|man|jq): command not found", output):
        result.notes.append(f"{step.place}: not tried, a program is not installed: {command}")
        return
    if status == 77:
        result.notes.append(f"{step.place}: this host cannot (77): {command}")
        return
    name = re.fullmatch(r"((?:\S*/)?triad(?: [a-z]+){0,2}?)( --[a-z-]+)?(?: [a-z]+)?", step.text)
    if status in (2, 3) and name:
        statuses, helps = workshop.shell([name[1] + " --help"], place)
        status = statuses[0] if (name[2] or "") in helps[0] else 2
    if status not in expected:
        raise Failure(f"status {status}: `{command}`\n    " + "\n    ".join(output.strip().split("\n")[-4:]))
    if step.shown:
        compare(step, output)
        result.lines += len([line for line in step.shown if line.strip() not in ("", "…")])


# The tables

def unused(tables):
    for name, table in tables.items():
        for index, entry in enumerate(table.items() if isinstance(table, dict) else table):
            if (name, index) not in used:
                yield f"{name} has an entry that nothing needs: {entry[0]}"


def sections(skipped):
    """Sections that run what pages quote must be there, and name the scripts that they run."""
    text = (ROOT / ".ci/run").read_text()
    for where, step in skipped:
        if where.startswith("section: ") and f'section "{where[9:]}"' not in text:
            yield f"{step.place}: .ci/run has no section {where[9:]!r}"
        script = re.match(r"(?:Scripts|Notebooks)/\S+", step.text)
        if script and not (ROOT / script[0]).exists():
            yield f"{step.place}: there is no {script[0]}"
        if script and where.startswith("the script is") and script[0] not in text:
            yield f"{step.place}: .ci/run does not run {script[0]}"


def topics():
    """Rows of tables of topics that have neither a command nor the words."""
    for page in ("Docs/Instructors.md", "Docs/Comparison.md"):
        head = []
        for number, line in enumerate((ROOT / page).read_text().split("\n"), 1):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if not cells:
                head = []
            elif not head:
                head = cells
            elif "topic" in head and not re.fullmatch(r":?-+:?", cells[0]):
                if not any(COMMAND.match(command) for command in re.findall(r"`([^`]+)`", line)) and "not there yet" not in line:
                    yield f"{page}:{number}: neither a command nor \"not there yet\": {cells[head.index('topic')]}"


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--triad", default=".build/release/triad")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("pages", nargs="*")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    chosen = options.pages or pages()
    begin = time.monotonic()
    problems, groups = list(topics()), []
    for page in chosen:
        try:
            groups += read(page)
        except Failure as failure:
            problems.append(str(failure))
    once = {}
    for group in groups:  # The same command between backticks in two pages runs once.
        key = (group[0].text,) if len(group) == 1 and not group[0].fenced else (group[0].place,)
        once.setdefault(key, group)
    total = Result()
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(options.triad).resolve(strict=True), Path(folder), options.verbose)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for result in pool.map(lambda group: check(group, workshop), once.values()):
                total.ran += result.ran
                total.lines += result.lines
                for name in ("problems", "skipped", "notes", "times"):
                    getattr(total, name).extend(getattr(result, name))
    problems += total.problems + list(sections(total.skipped))
    if not options.pages:
        problems += unused({"ELSEWHERE": ELSEWHERE, "VALUES": VALUES[:-1], "STAND_INS": STAND_INS, "SAMPLES": SAMPLES, "VARYING": VARYING})
    if options.verbose:
        for seconds, command in sorted(total.times, reverse=True)[:25]:
            print(f"{seconds:6.1f} s  {command}")
    for line in [*total.notes, *problems]:
        print(line)
    by = {}
    for where, step in total.skipped:
        by.setdefault(where, []).append(step.text)
    for where, commands in by.items():
        print(f"not run here ({where}): {len(commands)}")
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{time.monotonic() - begin:.0f} s, {spent.ru_utime + spent.ru_stime:.0f} s of processors")
    print(f"{len(chosen)} pages: {total.ran} commands run, {len(total.skipped)} elsewhere, {total.lines} lines of transcripts compared; "
          f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
