# trap-flood: traps in a trap handler SIZE times, with one or two instructions in between.

        .include "toy.inc"

        .ifndef SIZE
        .equ    SIZE, 20000
        .endif

        .text
_start:
        getbound sp
        li      s0, 0                   # traps
        li      s1, SIZE
        la      t0, handler
        sw      t0, TRAP_NEW + 4(zero)
        sw      sp, TRAP_NEW + 12(zero)
        svc     1

handler:
        addi    s0, s0, 1
        bltu    s1, s0, 1f
        andi    t0, s0, 3
        beqz    t0, 2f
        svc     2
2:      divu    t0, s0, zero
1:      mv      a0, s0
        call    put_decimal
        la      a0, text
        call    puts
        out     zero, POWER(zero)

        .data
text:   .asciz  " traps\n"

        .include "library.asm"
