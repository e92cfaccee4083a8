# quicksort: sorts unsigned words, recursively, pivot from the middle.
#
# SIZE: words (2 to 200000); ROUNDS: how many arrays.
#
#     unsigned x = 12345, hash = 0;
#     for (round = 0; round < ROUNDS; round++) {
#       for (i = 0; i < SIZE; i++) { x = x * 1664525 + 1013904223; a[i] = x; }
#       sort(a, a + SIZE - 1);
#       for (i = 0; i < SIZE; i++) hash = hash * 31 + a[i];
#     }
#     void sort(unsigned *lo, unsigned *hi) {
#       while (lo < hi) {
#         unsigned pivot = lo[(hi - lo) / 2], *i = lo, *j = hi;
#         do {
#           while (*i < pivot) i++;
#           while (pivot < *j) j--;
#           if (i <= j) { swap *i and *j; i++; j--; }
#         } while (i <= j);
#         sort(lo, j);
#         lo = i;
#       }
#     }
#
# Prints whether the last array is in order, and hash.

        .include "toy.inc"
        .ifndef SIZE
        .equ    SIZE, 4000
        .endif
        .ifndef ROUNDS
        .equ    ROUNDS, 1
        .endif

        .text
_start:
        getbound sp
        li      s0, 12345               # x
        li      s1, 0                   # hash
        li      s2, ROUNDS
round:
        la      t0, array
        li      t1, SIZE * 4
        add     t1, t1, t0
        li      t2, 1664525
        li      t3, 1013904223
1:      mul     s0, s0, t2
        add     s0, s0, t3
        sw      s0, 0(t0)
        addi    t0, t0, 4
        bltu    t0, t1, 1b

        la      a0, array
        addi    a1, t1, -4
        call    sort

        la      t0, array
        li      t1, SIZE * 4
        add     t1, t1, t0
        li      t2, 31
2:      lw      t3, 0(t0)
        addi    t0, t0, 4
        mul     s1, s1, t2
        add     s1, s1, t3
        bltu    t0, t1, 2b
        addi    s2, s2, -1
        bnez    s2, round

        la      t0, array
        addi    t1, t1, -4
3:      lw      t2, 0(t0)
        lw      t3, 4(t0)
        bltu    t3, t2, 4f
        addi    t0, t0, 4
        bltu    t0, t1, 3b
        la      a0, good
        j       5f
4:      la      a0, bad
5:      call    puts
        mv      a0, s1
        call    put_hex
        call    put_newline
        out     zero, POWER(zero)

sort:                                   # a0 = lo, a1 = hi, both addresses of words
        bgeu    a0, a1, 7f
        addi    sp, sp, -12
        sw      ra, 0(sp)
        sw      s0, 4(sp)
        sw      s1, 8(sp)
        mv      s1, a1
1:      sub     t0, s1, a0
        srli    t0, t0, 3
        slli    t0, t0, 2
        add     t0, t0, a0
        lw      t0, 0(t0)               # pivot
        mv      s0, a0                  # i
        mv      a1, s1                  # j
2:      lw      t1, 0(s0)
        bgeu    t1, t0, 4f
3:      addi    s0, s0, 4
        lw      t1, 0(s0)
        bltu    t1, t0, 3b
4:      lw      t2, 0(a1)
        bgeu    t0, t2, 6f
5:      addi    a1, a1, -4
        lw      t2, 0(a1)
        bltu    t0, t2, 5b
6:      bltu    a1, s0, 8f
        sw      t2, 0(s0)
        sw      t1, 0(a1)
        addi    s0, s0, 4
        addi    a1, a1, -4
        bgeu    a1, s0, 2b
8:      call    sort                    # lo to j
        mv      a0, s0
        bltu    a0, s1, 1b
        lw      ra, 0(sp)
        lw      s0, 4(sp)
        lw      s1, 8(sp)
        addi    sp, sp, 12
7:      ret

        .data
good:   .asciz  "sorted, hash "
bad:    .asciz  "NOT sorted, hash "
        .balign 4
array:                                  # from here to the stack

        .include "library.asm"
