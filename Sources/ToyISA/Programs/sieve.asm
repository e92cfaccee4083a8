# sieve: the sieve of Eratosthenes over bytes.
#
# SIZE: numbers below it are sieved (a multiple of 4, 4 to 900000); ROUNDS: how often.
#
#     unsigned total = 0;
#     for (round = 0; round < ROUNDS; round++) {
#       clear flag[0 .. SIZE-1] (word by word);
#       for (i = 2; i * i < SIZE; i++)
#         if (!flag[i]) for (j = i * i; j < SIZE; j += i) flag[j] = 1;
#       unsigned composites = 0;
#       for (i = 2; i < SIZE; i++) composites += flag[i];
#       total += SIZE - 2 - composites;
#     }
#
# Prints total / ROUNDS, the number of primes below SIZE.

        .include "toy.inc"
        .ifndef SIZE
        .equ    SIZE, 20000
        .endif
        .ifndef ROUNDS
        .equ    ROUNDS, 1
        .endif

        .text
_start:
        getbound sp
        la      s0, flags               # flag[0]
        li      s1, SIZE
        add     s1, s1, s0              # end of the flags
        li      s2, ROUNDS
        li      s3, 0                   # total

round:
        mv      t0, s0
1:      sw      zero, 0(t0)
        addi    t0, t0, 4
        bltu    t0, s1, 1b

        li      a0, 2                   # i
        li      a1, 1
2:      mul     t1, a0, a0
        add     t1, t1, s0              # &flag[i * i]
        bgeu    t1, s1, 5f
        add     t0, s0, a0
        lbu     t0, 0(t0)
        bnez    t0, 4f
3:      sb      a1, 0(t1)
        add     t1, t1, a0
        bltu    t1, s1, 3b
4:      addi    a0, a0, 1
        j       2b

5:      addi    t0, s0, 2
        li      a0, 0                   # composites
6:      lbu     t1, 0(t0)
        addi    t0, t0, 1
        add     a0, a0, t1
        bltu    t0, s1, 6b
        li      t0, SIZE - 2
        sub     t0, t0, a0
        add     s3, s3, t0
        addi    s2, s2, -1
        bnez    s2, round

        li      t0, ROUNDS
        divu    a0, s3, t0
        call    put_decimal
        la      a0, primes
        call    puts
        li      a0, SIZE
        call    put_decimal
        call    put_newline
        out     zero, POWER(zero)

        .data
primes: .asciz  " primes below "
        .balign 4
flags:                                  # from here to the stack

        .include "library.asm"
