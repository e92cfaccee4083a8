# matmul: product of two square matrices of words, modulo 2 to the 32.
#
# SIZE: rows and columns (1 to 256); ROUNDS: how many products.
#
#     unsigned x = 12345, hash = 0;
#     for (round = 0; round < ROUNDS; round++) {
#       for (i = 0; i < 2 * SIZE * SIZE; i++) { x = x * 1664525 + 1013904223; ab[i] = x >> 16; }
#       // A is the first half of ab, B the second.
#       for (i = 0; i < SIZE; i++)
#         for (j = 0; j < SIZE; j++) {
#           unsigned sum = 0;
#           for (k = 0; k < SIZE; k++) sum += A[i][k] * B[k][j];
#           hash = hash * 31 + sum; C[i][j] = sum;
#         }
#     }
#
# Prints hash.

        .include "toy.inc"
        .ifndef SIZE
        .equ    SIZE, 32
        .endif
        .ifndef ROUNDS
        .equ    ROUNDS, 1
        .endif
        .equ    ROW, SIZE * 4
        .equ    MATRIX, SIZE * SIZE * 4

        .text
_start:
        getbound sp
        li      s0, 12345               # x
        li      s1, 0                   # hash
        li      s2, ROUNDS
        li      s3, ROW
round:
        la      t0, matrices
        li      t1, MATRIX * 2
        add     t1, t1, t0
        li      t2, 1664525
        li      t3, 1013904223
1:      mul     s0, s0, t2
        add     s0, s0, t3
        srli    a0, s0, 16
        sw      a0, 0(t0)
        addi    t0, t0, 4
        bltu    t0, t1, 1b

        la      a0, matrices            # row of A
        li      a1, MATRIX * 2
        add     a1, a1, a0              # place in C
2:      add     t3, a0, s3              # end of the row of A
        la      a2, matrices + MATRIX   # column of B
        add     a3, a2, s3              # end of the first row of B
3:      mv      t0, a0
        mv      t1, a2
        li      t2, 0                   # sum
4:      lw      k0, 0(t0)
        lw      ra, 0(t1)
        addi    t0, t0, 4
        add     t1, t1, s3
        mul     k0, k0, ra
        add     t2, t2, k0
        bltu    t0, t3, 4b
        slli    t0, s1, 5
        sub     s1, t0, s1
        add     s1, s1, t2
        sw      t2, 0(a1)
        addi    a1, a1, 4
        addi    a2, a2, 4
        bltu    a2, a3, 3b
        add     a0, a0, s3
        la      t0, matrices + MATRIX
        bltu    a0, t0, 2b
        addi    s2, s2, -1
        bnez    s2, round

        la      a0, label
        call    puts
        mv      a0, s1
        call    put_hex
        call    put_newline
        out     zero, POWER(zero)

        .data
label:  .asciz  "product, hash "
        .balign 4
matrices:                               # A, B and C, from here to the stack

        .include "library.asm"
