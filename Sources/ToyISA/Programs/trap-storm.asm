# trap-storm: a trap handler that traps by its first instruction; ends in a check stop.

        .include "toy.inc"

        .text
_start:
        la      a0, text
        call    puts
        la      t0, handler
        sw      t0, TRAP_NEW + 4(zero)
        getbound t0
        sw      t0, TRAP_NEW + 12(zero)
        svc     1

handler:
        brk

        .data
text:   .asciz  "trap storm\n"

        .include "library.asm"
