; BEGIN SOLUTION
# Every cause of a trap, in both modes: cause, value, saved PSW, and the mode afterwards.
#
# machine: all
# expect status 0
# expect output "traps\n"
# expect traps divide 2
# expect traps svc 2
# expect traps privileged 11

        .include "toy.inc"

        # Ends the test with status 1 unless a register holds a value; changes k0.
        .macro  check   register, value
        li      k0, \value
        beq     \register, k0, 9000f
        j       wrong
9000:
        .endm

        # Ends the test with status 1 unless the trap that came is this one, at this place.
        .macro  caught  cause, value, flags, place
        lw      t0, TRAP_CAUSE(zero)
        check   t0, \cause
        lw      t0, TRAP_VALUE(zero)
        check   t0, \value
        lw      t0, TRAP_OLD(zero)
        check   t0, \flags
        lw      t0, TRAP_OLD + 4(zero)
        la      k0, \place
        bne     t0, k0, wrong
        getpsw  t0                      # in supervisor mode again
        check   t0, 0
        .endm

        # Becomes a user, without relocation.
        .macro  user
        la      t0, 9200f
        jrst    t0
9200:
        .endm

        .text
_start:

        # A trap goes on at the address in s3, in supervisor mode with all storage.
        sw      zero, TRAP_NEW(zero)
        la      t0, handler
        sw      t0, TRAP_NEW + 4(zero)
        sw      zero, TRAP_NEW + 8(zero)
        li      t0, 0x10000
        sw      t0, TRAP_NEW + 12(zero)

        # In supervisor mode.
        la      s3, 2f
        li      s0, 9
1:      div     s0, s0, zero
        j       wrong
2:      caught  CAUSE_DIVIDE, 0, 0, 1b
        check   s0, 9                   # nothing was written
        la      s3, 2f
        li      s0, 0x8002
1:      lw      s0, 0(s0)
        j       wrong
2:      caught  CAUSE_ALIGNMENT, 0x8002, 0, 1b
        la      s3, 2f
        li      s0, 0x8001
1:      sh      s0, 0(s0)
        j       wrong
2:      caught  CAUSE_ALIGNMENT, 0x8001, 0, 1b
        la      s3, 2f
1:      .word   0xFF000001
        j       wrong
2:      caught  CAUSE_ILLEGAL, 0xFF000001, 0, 1b
        la      s3, 2f
1:      svc     77
        j       wrong
2:      caught  CAUSE_SVC, 77, 0, 1b
        la      s3, 2f
1:      brk
        j       wrong
2:      caught  CAUSE_BREAKPOINT, 0, 0, 1b
        getbase t0
        check   t0, 0
        getbound t0
        check   t0, 0x10000
        getpsw  t0
        check   t0, 0

        # In user mode.
        la      s3, 2f
        user
1:      svc     12
        j       wrong
2:      caught  CAUSE_SVC, 12, PSW_USER, 1b
        la      s3, 2f
        user
1:      remu    s0, s0, zero
        j       wrong
2:      caught  CAUSE_DIVIDE, 0, PSW_USER, 1b

        # What a user may not do; the value is the instruction.
        .macro  refused
        j       wrong
9302:   lw      s0, 9301b(zero)
        lw      t0, TRAP_VALUE(zero)
        bne     s0, t0, wrong
        sw      zero, TRAP_VALUE(zero)
        caught  CAUSE_PRIVILEGED, 0, PSW_USER, 9301b
        .endm
        .macro  private mnemonic, operand=
        la      s3, 9302f
        user
9301:   \mnemonic \operand
        refused
        .endm
        .macro  port    mnemonic
        la      s3, 9302f
        user
9301:   \mnemonic s1, CONSOLE_DATA(zero)
        refused
        .endm
        private setie, zero
        private getpsw, s1
        private getbase, s1
        private getbound, s1
        private getclk, s1
        private tlbflush
        private wait
        private jrst, zero
        private lpsw, 0(zero)
        port    out
        port    in

        # lpsw loads all of the PSW: a user with interrupts on, and storage of its own.
        la      s3, 2f
        lpsw    other(zero)
2:      lw      t0, TRAP_CAUSE(zero)
        check   t0, CAUSE_BREAKPOINT
        lw      t0, TRAP_OLD(zero)
        check   t0, PSW_USER | PSW_IE
        lw      t0, TRAP_OLD + 4(zero)
        check   t0, 0x20
        lw      t0, TRAP_OLD + 8(zero)
        check   t0, 0x4000
        lw      t0, TRAP_OLD + 12(zero)
        check   t0, 0x1000

        la      a0, text
1:      lbu     t0, 0(a0)
        beqz    t0, 2f
        out     t0, CONSOLE_DATA(zero)
        addi    a0, a0, 1
        j       1b
2:

        # All is well.
        out     zero, POWER(zero)

wrong:  li      t0, 1
        out     t0, POWER(zero)

handler: jr     s3

        .balign 4
other:  .word   PSW_USER | PSW_IE, 0x20, 0x4000, 0x1000
text:   .asciz  "traps\n"

        .org    0x4020
        brk
; END SOLUTION
