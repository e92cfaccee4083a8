# fib: recursive Fibonacci numbers; calls, returns and a stack.
#
# SIZE: which number. Work: about 1.6 to the power of SIZE calls.
#
#     unsigned fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
#
# Prints fib(SIZE).

        .include "toy.inc"
        .ifndef SIZE
        .equ    SIZE, 20
        .endif

        .text
_start:
        getbound sp
        li      a0, SIZE
        call    fib
        mv      s0, a0
        la      a0, label
        call    puts
        li      a0, SIZE
        call    put_decimal
        la      a0, equals
        call    puts
        mv      a0, s0
        call    put_decimal
        call    put_newline
        out     zero, POWER(zero)

fib:
        sltiu   t0, a0, 2
        bnez    t0, 1f
        addi    sp, sp, -12
        sw      ra, 0(sp)
        sw      s0, 4(sp)
        sw      s1, 8(sp)
        mv      s0, a0
        addi    a0, a0, -1
        call    fib
        mv      s1, a0
        addi    a0, s0, -2
        call    fib
        add     a0, a0, s1
        lw      ra, 0(sp)
        lw      s0, 4(sp)
        lw      s1, 8(sp)
        addi    sp, sp, 12
1:      ret

        .data
label:  .asciz  "fib("
equals: .asciz  ") = "

        .include "library.asm"
