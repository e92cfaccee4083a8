import MachineCore
import Simulator
import Testing
import ToyISA
import Trace

/// A toy guest that touches everything that going back must undo: paging and its TLB, timer and disk
/// interrupts, a disk transfer into storage, the console, system calls, a wait.
let busyGuest = """
  _start:
          sw      zero, 0x20(zero)
          la      t0, handler
          sw      t0, 0x24(zero)
          sw      zero, 0x28(zero)
          getbound t1
          sw      t1, 0x2C(zero)
          li      t0, 0x8000              # page directory: one table
          li      t1, 0x9001
          sw      t1, 0(t0)
          li      t0, 0x9000              # page table: sixteen pages onto themselves
          li      t1, 31
          li      t2, 16
          li      t3, 0x1000
  1:      sw      t1, 0(t0)
          addi    t0, t0, 4
          add     t1, t1, t3
          addi    t2, t2, -1
          bnez    t2, 1b
          li      t0, 1
          out     t0, 0x23(zero)          # disk interrupt on
          out     t0, 0x20(zero)          # sector 1
          li      t0, 0x6000
          out     t0, 0x21(zero)
          li      t0, 1
          out     t0, 0x22(zero)          # read it
          li      t0, 50
          out     t0, 0x10(zero)          # timer
          la      t0, user
          sw      t0, 0x84(zero)
          li      t0, 7
          sw      t0, 0x80(zero)
          li      t0, 0x8000
          sw      t0, 0x88(zero)
          li      t0, 0x10000
          sw      t0, 0x8C(zero)
          lpsw    0x80(zero)

  user:   li      s0, 0
          li      s1, 0x7000
  1:      sw      s0, 0(s1)
          lw      t0, 0(s1)
          lb      t0, 0x600(zero)
          addi    s0, s0, 1
          addi    s1, s1, 20
          andi    s1, s1, 0x7FFC
          ori     s1, s1, 0x4000
          andi    t0, s0, 7
          bnez    t0, 1b
          svc     3
          li      t0, 0x10000
          lw      t0, 0(t0)               # outside the bound: a trap
          j       1b

  handler:
          sw      t0, 0xA0(zero)
          sw      t1, 0xA4(zero)
          lw      t0, 0x10(zero)
          addi    t1, t0, 'A'
          out     t1, 0(zero)
          li      t1, 16
          bgeu    t0, t1, 2f
          lw      t0, 4(zero)             # a trap: go on behind the instruction
          addi    t0, t0, 4
          sw      t0, 4(zero)
          j       9f
  2:      li      t1, 37
          out     t1, 0x10(zero)
          lw      t1, 0xB0(zero)
          addi    t1, t1, 1
          sw      t1, 0xB0(zero)
          andi    t0, t1, 7
          bnez    t0, 9f
          tlbflush
          wait
          li      t0, 24
          bgtu    t1, t0, 3f
  9:      lw      t0, 0xA0(zero)
          lw      t1, 0xA4(zero)
          lpsw    0(zero)
  3:      out     t1, 0x30(zero)
  """

/// A machine with the busy guest.
func makeBusyMachine() throws -> Evaluator {
  let image = try ToyAssembler.assemble(busyGuest, file: "busy.asm")
  var machine = ToyMachine()
  machine.disk = (0..<2048).map { UInt8(truncatingIfNeeded: $0 * 7) }
  let platform = try machine.makePlatform()
  try image.load(into: platform.memory)
  return Evaluator(
    instructionSet: ToyInstructionSet(), platform: platform,
    state: ToyInstructionSet.resetState(entry: image.entry, storage: platform.memory.size))
}
