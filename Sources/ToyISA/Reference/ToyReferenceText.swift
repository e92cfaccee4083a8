internal import MachineCore

// The parts of the reference card that are words; numbers in them come from the code.

private func hexByte(_ value: UInt64) -> String { hex(value, digits: 2) }

enum ToyReferenceText {
  static let head = """
    # The toy processor

    <!-- Generated from the instruction table. Do not edit: `TRIAD_REGENERATE=1 swift test --disable-xctest --filter ReferenceCardTests` writes it. -->

    A third-generation machine in the sense of Popek and Goldberg (1974): storage, mode, program counter and a
    relocation–bounds register, ⟨E, M, P, R⟩. This page is made from the tables that the engines, the assembler and
    the disassembler use.

    ## State

    - Words have 32 bits, bytes are addressed, multi-byte values are little-endian.
    - Sixteen general registers `r0`…`r15`. `r0` reads zero; writing it does nothing.
    - The program status word (PSW) has four words:

      | word | contents |
      |---|---|
      | 0 | flags: bit 0 user mode (else supervisor), bit 1 interrupt enable, bit 2 paging; the others are ignored and read as 0 |
      | 1 | pc, a virtual byte address |
      | 2 | base: of the storage window, or of the root page table (its low 12 bits are ignored then) |
      | 3 | bound: size of the virtual address space in bytes |

      The low two bits of base and bound are dropped when they are loaded.
    - One bit tells that the processor waits, and one whether an instruction has retired since the last delivery.
    - Storage begins at physical address 0; its size is a multiple of 4096 bytes, 1 MiB unless told otherwise.
    - A translation lookaside buffer (TLB).
    - After reset: supervisor mode, interrupts off, no paging, base 0, bound the size of storage, general registers 0,
      TLB empty, pc the program's entry.

    ### Registers and the calling convention

    | register | name | use |
    |---|---|---|

    """

  static let translation = """
    ## Address translation

    The same rules hold in both modes. For an access of *n* bytes at virtual address *a*:

    1. Alignment. A fetch, load or store whose address is not a multiple of its size traps with `alignment`.
    2. Bound. If *a* + *n* > bound (computed without wrapping), it traps with `bounds`.
    3. Without paging, the physical address is base + *a*. If base + *a* + *n* leaves storage, it traps with `bounds`.
    4. With paging, bits 31–22 of *a* choose an entry of the root table at base, bits 21–12 an entry of the table that
       it names, and bits 11–0 the byte in the frame. All page faults carry *a* as their value; the cause is
       `page-fetch`, `page-read` or `page-write` by the kind of access.

    | bit of a page-table entry | meaning |
    |---|---|
    | 0 | valid |
    | 1 | read |
    | 2 | write |
    | 3 | execute |
    | 4 | user: user mode needs it, supervisor mode does not |
    | 5 | accessed: set by the processor |
    | 6 | dirty: set by the processor on a write |
    | 31–12 | frame |

    Of a root entry only the valid bit and bits 31–12 count. The walk faults when a table entry or the frame does not lie
    in storage, when an entry is not valid, or when the permission for the access is missing. If all is well it sets
    accessed (and dirty, for a write) in the page's entry in storage, and puts the entry, with these bits, into the TLB.
    What the walk has set stays set even if the instruction then traps.

    The TLB is unbounded and holds one entry for each virtual page. An entry stays until `tlbflush`: changing tables, base,
    paging or mode does not remove it, and no entry is ever evicted. A hit checks the permissions of the entry as it was
    when it was filled, in the present mode. A write through an entry without dirty checks these permissions first, then
    walks again. After changing a table or the root, flush.

    Device transfers and the trap area use physical addresses.

    ## Traps

    A trap stores the old PSW, the cause and a value in the trap area of the CPU and loads the new PSW from there. The
    instruction that traps has no effect on registers or storage (but see the walk) and does not retire.

    The area of CPU *n* is at physical address *n* × 0x\(String(TrapArea.stride, radix: 16)). Programs begin at 0x\(String(TrapArea.programStart, radix: 16)).

    | offset | contents |
    |---|---|
    | \(hexByte(TrapArea.oldPSW)) | old PSW: flags, pc, base, bound |
    | \(hexByte(TrapArea.cause)) | cause |
    | \(hexByte(TrapArea.value)) | value |
    | \(hexByte(TrapArea.newPSW)) | new PSW: flags, pc, base, bound |

    The saved pc is the address of the instruction that trapped, for `svc` and `brk` too: a handler that goes on after it
    adds 4. For an interrupt it is the address of the next instruction. `lpsw \(TrapArea.oldPSW)(r0)` returns.

    **Check stop.** A trap of an instruction, when no instruction has retired since the previous trap or interrupt was
    delivered, stops the machine: the handler itself cannot run. Nothing is stored.

    | cause | name | when; value |
    |---|---|---|

    """

  static let boundary = """

    ## Between instructions

    Time is virtual: instructions retired plus time spent waiting. All engines do the following, in this order, before every
    instruction:

    1. If the power port has been written, stop with its status.
    2. Let devices act whose time has come.
    3. If the processor waits: with an interrupt pending (enabled or not) it stops waiting; otherwise time jumps to the
       next event of a device, and this list starts again; if there is none, the machine stops: idle for ever.
    4. If an interrupt is pending, interrupts are enabled, and an instruction has retired since the last trap or
       interrupt was delivered, take the request of the lowest line: request bit cleared, trap with cause 16 + line.
    5. Fetch (alignment, bound, paging), decode, execute, retire. An illegal word traps with `illegal`.

    A request stays pending until it is taken. Loads and stores are checked for alignment before translation. In user mode
    an instruction that traps there does so before it does anything else.

    ## Ports

    `in` and `out` move 32-bit words; the port number is the sum of immediate and register, modulo 65536. A port without a
    device reads all ones and ignores writes.

    | port | name | reading | writing |
    |---|---|---|---|
    | \(hexByte(ToyPort.consoleData)) | `CONSOLE_DATA` | next input byte; all ones if there is none | low byte to the console |
    | \(hexByte(ToyPort.consoleStatus)) | `CONSOLE_STATUS` | 1 if input is there, else 0 | bit 0 enables the input interrupt; enabling it with input there requests one |
    | \(hexByte(ToyPort.timer)) | `TIMER` | ticks left | interrupt after so many ticks, once; 0: never |
    | \(hexByte(ToyPort.timeLow)) | `TIME_LOW` | low word of virtual time | ignored |
    | \(hexByte(ToyPort.timeHigh)) | `TIME_HIGH` | high word of virtual time | ignored |
    | \(hexByte(ToyPort.diskSector)) | `DISK_SECTOR` | sector number | sector number |
    | \(hexByte(ToyPort.diskAddress)) | `DISK_ADDRESS` | buffer | physical address of the \(ToyDisk.sectorSize)-byte buffer |
    | \(hexByte(ToyPort.diskCommand)) | `DISK_COMMAND` | last command | 1 reads, 2 writes a sector |
    | \(hexByte(ToyPort.diskStatus)) | `DISK_STATUS` | 0 idle, 1 busy, 2 done, 3 error | bit 0 enables the interrupt |
    | \(hexByte(ToyPort.diskSectors)) | `DISK_SECTORS` | how many sectors there are | ignored |
    | \(hexByte(ToyPort.power)) | `POWER` | 0 | switches the machine off with this status, after the instruction retires |

    A disk command takes \(ToyDisk.latency) ticks; the sector moves at its end. A busy disk ignores sector, address and command.
    Virtual time during an instruction does not count that instruction. Interrupt lines: \(ToyPort.timerLine) timer, \(ToyPort.consoleLine) console, \(ToyPort.diskLine) disk.


    """

  static let encoding = """
    ## Instructions

    An instruction is one word: the opcode in bits 31–24, below it fields by format. In the patterns `a`, `b` and `c` are
    register fields and `i` is an immediate. Bits shown as 0 must be 0, and a word that no row matches is illegal.
    Targets are encoded as a signed count of words from the instruction; memory offsets are sign-extended. Address
    arithmetic is modulo 2³². *User* tells what happens in user mode: `execute`, `trap` (cause `privileged`, value the
    word) or `ignore` (nothing); exceptions by variant follow.

    An instruction reads all its registers before it writes any. Dividing -2³¹ by -1 gives -2³¹, remainder 0. A jump to
    an address that is not a multiple of 4 is carried out; the fetch there traps. `lpsw` reads all four words before it
    changes anything.


    """

  static let assembler = """

    ## Assembler

    One statement a line: labels, then an instruction or directive, the destination first. Comments run from `;`, `#` or
    `//` to the end of the line, or between `/*` and `*/`. A label is a name and a colon; names have letters, digits, `_`,
    `.` and `$`. A number and a colon is a local label that may be defined again and again: `1b` is the last `1:`, `1f` the
    next. `offset(register)` may be written `(register)` for offset 0, or `offset` for register `r0`. Source is UTF-8; bytes that
    are none are an error outside comments. A program has at least one instruction, or data to run.

    **Expressions** have C's operators and precedence: unary `- + ~ !`, then `* / %`, `+ -`, `<< >>`, `< <= > >=`, `== !=`,
    `&`, `^`, `|`, `&&`, `||`, and parentheses, on 64-bit signed numbers. Numbers: `12`, `0x1f`, `0o17`, `0b101`, with `_` anywhere
    between digits; characters: `'a'`, `'\\n'`, `'\\x41'`. `.` is the present address. `hi20(x)` is bits 31–12, `lo12(x)` bits
    11–0 of an address, so that `lui` with `hi20` and any instruction with `lo12` make it whole.

    **Sections** are laid out in this order: `.text` from 0x\(String(TrapArea.programStart, radix: 16)), `.rodata`, `.data`, others as they come, `.bss`. Execution begins
    at the label `_start`, else at the first instruction of `.text`. `.include "\(ToyConstants.fileName)"` is built in: it names ports, causes
    (`CAUSE_TIMER` …), PSW flags (`PSW_USER`, `PSW_IE`, `PSW_PAGING`), page-table bits (`PTE_VALID` …) and the trap area (`TRAP_OLD`,
    `TRAP_CAUSE`, `TRAP_VALUE`, `TRAP_NEW`).

    | directive | meaning |
    |---|---|
    | `.text` `.rodata` `.data` `.bss` `.section name` | continue in a section |
    | `.org address` | continue at an absolute address |
    | `.phase address` … `.dephase` | what follows stays in place, but its labels count from the address: for code that runs relocated |
    | `.align n`, `.balign n` | to a multiple of 2ⁿ, of n; `.text` is filled with `nop` |
    | `.word` `.half` `.byte` values | 4, 2, 1 bytes each; also `.long`, `.short` |
    | `.ascii` `.asciz` strings | bytes; `.asciz` (`.string`) ends them with 0 |
    | `.space n, value` | n bytes; also `.zero`, `.skip` |
    | `.fill n, size, value` | n units of size bytes |
    | `.equ name, value` | a constant, once; may use symbols that come later |
    | `.set name, value`, `name = value` | a constant that may change |
    | `.globl name` | accepted, does nothing |
    | `.include "file"` | the lines of a file |
    | `.if x` `.ifdef name` `.ifndef name` `.elseif x` `.else` `.endif` | assemble on a condition |
    | `.macro name p, q=default` … `.endm` | a macro; in its body `\\p` is an argument, `\\@` a number of its own, `\\()` nothing |
    | `.rept n` … `.endr` | repeat lines |
    | `.error "text"` `.warning "text"` | a message |

    ### Pseudo-instructions

    | syntax | meaning | stands for |
    |---|---|---|

    """

  static let image = """

    ## Image format

    All numbers are little-endian; a name is a 16-bit length and UTF-8 bytes.

    | part | contents |
    |---|---|
    | head | `TRIADIMG`, u16 version (\(ToyImage.version)), u16 0, u32 entry, u32 counts of segments, symbols, files, lines |
    | segment | u32 address, u64 size, u32 byte count, name, bytes; zeros fill it up to its size |
    | symbol | u32 value, u32 address in storage, u8 kind (1 label, 0 constant), name |
    | file | name, u8 1 if the text follows, else 0; u32 length and UTF-8 text |
    | line | u32 address, u32 file number from 0, u32 line from 1 |
    | tail | u64 digest of all before it |

    Segments, symbols and lines come by ascending address; segments do not overlap. The digest is FNV-1a over 64-bit words with a
    rotation, as in `Sources/Trace/Digest.swift`. There are no relocations. A reader refuses another version.

    """

  /// The program that ends the card.
  static let example = """
    ; Counts timer interrupts, and switches the machine off after three.
            .include "toy.inc"

            .text
    _start: la      t0, handler
            sw      t0, TRAP_NEW + 4(zero)    ; new pc
            getbound t1
            sw      t1, TRAP_NEW + 12(zero)   ; new bound; flags and base stay 0
            li      t0, 100
            out     t0, TIMER(zero)
            li      t0, 1
            setie   t0
    idle:   wait
            j       idle

    handler:                                  ; supervisor mode, interrupts off
            lw      k0, TRAP_CAUSE(zero)
            addi    k0, k0, -CAUSE_TIMER
            bnez    k0, failed
            la      k0, count
            lw      t0, 0(k0)
            inc     t0
            sw      t0, 0(k0)
            li      t1, 3
            beq     t0, t1, done
            li      t0, 100
            out     t0, TIMER(zero)
            lpsw    TRAP_OLD(zero)
    done:   out     zero, POWER(zero)
    failed: out     k0, POWER(zero)

            .data
    count:  .word   0

    """
}
