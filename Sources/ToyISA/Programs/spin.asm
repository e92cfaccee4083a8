# spin: turns interrupts off and loops for ever; only a limit ends it.

        .include "toy.inc"

        .text
_start:
        la      a0, text
        call    puts
        li      t0, 100
        out     t0, TIMER(zero)         # an interrupt is requested, and never taken
        setie   zero
        li      s0, 0
1:      addi    s0, s0, 1
        j       1b

        .data
text:   .asciz  "spinning\n"

        .include "library.asm"
