# jump-garbage: jumps to data, to nowhere, between instructions, and at last without a trap handler.
#
# Ends in a check stop: the new PSW of the trap area is zeros, and so traps in its turn.

        .include "toy.inc"
        .include "catch.asm"

        .text
_start:
        getbound sp
        call    arm

        try     "data", 1f
        la      t0, garbage
        jr      t0
1:      call    outcome
        try     "an instruction with a stray bit", 1f
        la      t0, stray
        jr      t0
1:      call    outcome
        try     "between two instructions", 1f
        la      t0, stray + 2
        jr      t0
1:      call    outcome
        try     "zeros", 1f
        li      t0, 0x80000
        jr      t0
1:      call    outcome
        try     "behind the end", 1f
        getbound t0
        jr      t0
1:      call    outcome
        try     "running over the end", 1f
        getbound t0
        la      t1, nothing
        lw      t1, 0(t1)
        sw      t1, -4(t0)
        addi    t0, t0, -4
        jr      t0
1:      call    outcome
        try     "the trap area", 1f
        li      t0, TRAP_CAUSE          # the cause of this very trap will lie there
        jr      t0
1:      call    outcome

        la      a0, last
        call    puts
        sw      zero, TRAP_NEW + 4(zero)
        sw      zero, TRAP_NEW + 12(zero)
        li      t0, 0x80000
        jr      t0

        .balign 4
garbage: .word  0xDEADBEEF
stray:  .word   0x10123001              # add with a bit that must be zero
nothing: addi   zero, zero, 0

        .data
last:   .asciz  "zeros, without a handler\n"

        .include "library.asm"
