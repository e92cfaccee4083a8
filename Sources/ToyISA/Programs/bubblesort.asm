# bubblesort: sorts unsigned words by exchanging neighbours.
#
# SIZE: words (2 to 200000); ROUNDS: how many arrays.
#
#     unsigned x = 12345, hash = 0;
#     for (round = 0; round < ROUNDS; round++) {
#       for (i = 0; i < SIZE; i++) { x = x * 1664525 + 1013904223; a[i] = x; }
#       for (n = SIZE - 1; n > 0; n--) {
#         unsigned carried = a[0];
#         for (i = 0; i < n; i++) {
#           unsigned next = a[i + 1];
#           if (next < carried) { a[i] = next; a[i + 1] = carried; } else carried = next;
#         }
#       }
#       for (i = 0; i < SIZE; i++) hash = hash * 31 + a[i];
#     }
#
# Prints whether the last array is in order, and hash.

        .include "toy.inc"
        .ifndef SIZE
        .equ    SIZE, 400
        .endif
        .ifndef ROUNDS
        .equ    ROUNDS, 1
        .endif

        .text
_start:
        getbound sp
        la      a0, array
        li      a1, SIZE * 4
        add     a1, a1, a0              # end of the array
        li      s0, 12345               # x
        li      s1, 0                   # hash
        li      s2, ROUNDS
round:
        mv      t0, a0
        li      t2, 1664525
        li      t3, 1013904223
1:      mul     s0, s0, t2
        add     s0, s0, t3
        sw      s0, 0(t0)
        addi    t0, t0, 4
        bltu    t0, a1, 1b

        addi    a2, a1, -4              # &a[n]
2:      mv      t0, a0                  # &a[i]
        lw      t1, 0(t0)               # carried
3:      lw      t2, 4(t0)               # next
        bltu    t2, t1, 4f
        mv      t1, t2
        addi    t0, t0, 4
        bltu    t0, a2, 3b
        j       5f
4:      sw      t2, 0(t0)
        sw      t1, 4(t0)
        addi    t0, t0, 4
        bltu    t0, a2, 3b
5:      addi    a2, a2, -4
        bltu    a0, a2, 2b

        mv      t0, a0
        li      t2, 31
6:      lw      t3, 0(t0)
        addi    t0, t0, 4
        mul     s1, s1, t2
        add     s1, s1, t3
        bltu    t0, a1, 6b
        addi    s2, s2, -1
        bnez    s2, round

        mv      t0, a0
        addi    t1, a1, -4
7:      lw      t2, 0(t0)
        lw      t3, 4(t0)
        bltu    t3, t2, 8f
        addi    t0, t0, 4
        bltu    t0, t1, 7b
        la      a0, good
        j       9f
8:      la      a0, bad
9:      call    puts
        mv      a0, s1
        call    put_hex
        call    put_newline
        out     zero, POWER(zero)

        .data
good:   .asciz  "sorted, hash "
bad:    .asciz  "NOT sorted, hash "
        .balign 4
array:                                  # from here to the stack

        .include "library.asm"
