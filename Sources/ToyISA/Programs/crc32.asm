# crc32: the CRC-32 of IEEE 802.3 (reflected polynomial 0xEDB88320), with a table.
#
# SIZE: bytes in the message (1 to 900000); ROUNDS: how often it is run through.
#
#     unsigned x = 12345;
#     for (i = 0; i < SIZE; i++) { x = x * 1664525 + 1013904223; message[i] = x >> 24; }
#     for (i = 0; i < 256; i++) {
#       c = i; for (k = 0; k < 8; k++) c = c >> 1 ^ (-(c & 1) & 0xEDB88320); table[i] = c;
#     }
#     crc = 0xFFFFFFFF;
#     for (round = 0; round < ROUNDS; round++)
#       for (i = 0; i < SIZE; i++) crc = crc >> 8 ^ table[(crc ^ message[i]) & 0xFF];
#
# Prints ~crc: the CRC of the message written ROUNDS times.

        .include "toy.inc"
        .ifndef SIZE
        .equ    SIZE, 16384
        .endif
        .ifndef ROUNDS
        .equ    ROUNDS, 1
        .endif

        .text
_start:
        getbound sp
        la      s0, message
        li      s1, SIZE
        add     s1, s1, s0

        mv      t0, s0
        li      t1, 12345
        li      t2, 1664525
        li      t3, 1013904223
1:      mul     t1, t1, t2
        add     t1, t1, t3
        srli    a0, t1, 24
        sb      a0, 0(t0)
        addi    t0, t0, 1
        bltu    t0, s1, 1b

        la      s2, table
        li      a0, 0                   # i
        li      a1, 256
        li      a2, 0xEDB88320
        mv      a3, s2
2:      mv      t0, a0
        li      t1, 8
3:      andi    t2, t0, 1
        sub     t2, zero, t2
        and     t2, t2, a2
        srli    t0, t0, 1
        xor     t0, t0, t2
        addi    t1, t1, -1
        bnez    t1, 3b
        sw      t0, 0(a3)
        addi    a3, a3, 4
        addi    a0, a0, 1
        bltu    a0, a1, 2b

        li      s3, ROUNDS
        li      a0, -1                  # crc
4:      mv      t0, s0
5:      lbu     t1, 0(t0)
        addi    t0, t0, 1
        xor     t1, t1, a0
        andi    t1, t1, 0xFF
        slli    t1, t1, 2
        add     t1, t1, s2
        lw      t1, 0(t1)
        srli    a0, a0, 8
        xor     a0, a0, t1
        bltu    t0, s1, 5b
        addi    s3, s3, -1
        bnez    s3, 4b

        li      t0, -1
        xor     s0, a0, t0
        la      a0, label
        call    puts
        mv      a0, s0
        call    put_hex
        call    put_newline
        out     zero, POWER(zero)

        .data
label:  .asciz  "crc32 "
        .balign 4
table:  .space  1024
message:                                # from here to the stack

        .include "library.asm"
