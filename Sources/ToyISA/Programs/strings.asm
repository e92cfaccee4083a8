# strings: length, reversal, upper case, words, search, comparison, numbers to text and back.
#
# SIZE: how many numbers are written as text, reversed, and read again.

        .include "toy.inc"
        .ifndef SIZE
        .equ    SIZE, 500
        .endif

        .text
_start:
        getbound sp
        la      a0, text
        call    puts
        call    put_newline

        la      a0, text
        call    length
        mv      s0, a0
        la      a0, l_length
        call    put_labelled

        la      a0, text
        call    words
        mv      s0, a0
        la      a0, l_words
        call    put_labelled

        la      a0, text
        la      a1, needle
        call    find
        mv      s0, a0
        la      a0, l_find
        call    put_labelled

        la      a0, text
        la      a1, needle
        call    compare
        mv      s0, a0
        la      a0, l_compare
        call    put_labelled

        la      a0, buffer
        la      a1, text
        call    copy
        la      a0, buffer
        call    upper
        la      a0, buffer
        call    puts
        call    put_newline
        la      a0, buffer
        call    reverse
        la      a0, buffer
        call    puts
        call    put_newline

        # The sum of the numbers below SIZE, each turned round twice as text.
        li      s0, 0                   # sum
        li      s1, 0                   # number
        li      s2, SIZE
numbers:
        la      a0, buffer
        mv      a1, s1
        call    format
        la      a0, buffer
        call    reverse
        la      a0, buffer
        call    reverse
        la      a0, buffer
        call    parse
        add     s0, s0, a0
        addi    s1, s1, 1
        bltu    s1, s2, numbers
        la      a0, l_sum
        call    put_labelled
        out     zero, POWER(zero)

# Writes the string at a0, then s0 in decimal and a newline.
put_labelled:
        addi    sp, sp, -4
        sw      ra, 0(sp)
        call    puts
        mv      a0, s0
        call    put_decimal
        call    put_newline
        lw      ra, 0(sp)
        addi    sp, sp, 4
        ret

# a0 = length of the string at a0.
length:
        mv      t0, a0
1:      lbu     t1, 0(t0)
        addi    t0, t0, 1
        bnez    t1, 1b
        sub     a0, t0, a0
        addi    a0, a0, -1
        ret

# a0 = number of words in the string at a0; blanks part them.
words:
        li      t0, 0                   # count
        li      t1, 1                   # the last character was a blank
        li      t2, ' '
1:      lbu     t3, 0(a0)
        beqz    t3, 3f
        addi    a0, a0, 1
        beq     t3, t2, 2f
        add     t0, t0, t1
        li      t1, 0
        j       1b
2:      li      t1, 1
        j       1b
3:      mv      a0, t0
        ret

# a0 = offset of the string at a1 in the string at a0, or all ones.
find:
        mv      t0, a0                  # candidate
1:      mv      t1, t0
        mv      t2, a1
2:      lbu     t3, 0(t2)
        beqz    t3, 4f
        lbu     a2, 0(t1)
        bne     t3, a2, 3f
        addi    t1, t1, 1
        addi    t2, t2, 1
        j       2b
3:      lbu     t3, 0(t0)
        addi    t0, t0, 1
        bnez    t3, 1b
        li      a0, -1
        ret
4:      sub     a0, t0, a0
        ret

# a0 = 0, 1 or 2: the string at a0 is equal to, greater or less than the one at a1.
compare:
        lbu     t0, 0(a0)
        lbu     t1, 0(a1)
        bltu    t0, t1, 2f
        bltu    t1, t0, 1f
        addi    a0, a0, 1
        addi    a1, a1, 1
        bnez    t0, compare
        li      a0, 0
        ret
1:      li      a0, 1
        ret
2:      li      a0, 2
        ret

# Copies the string at a1 to a0.
copy:
        lbu     t0, 0(a1)
        sb      t0, 0(a0)
        addi    a0, a0, 1
        addi    a1, a1, 1
        bnez    t0, copy
        ret

# Makes the small letters of the string at a0 capital.
upper:
        li      t1, 26
1:      lbu     t0, 0(a0)
        beqz    t0, 3f
        addi    t2, t0, -'a'
        bgeu    t2, t1, 2f
        addi    t0, t0, 'A' - 'a'
        sb      t0, 0(a0)
2:      addi    a0, a0, 1
        j       1b
3:      ret

# Turns the string at a0 round.
reverse:
        mv      t0, a0
1:      lbu     t1, 0(t0)
        addi    t0, t0, 1
        bnez    t1, 1b
        addi    t0, t0, -2              # the last character
        j       3f
2:      lbu     t1, 0(a0)
        lbu     t2, 0(t0)
        sb      t2, 0(a0)
        sb      t1, 0(t0)
        addi    a0, a0, 1
        addi    t0, t0, -1
3:      bltu    a0, t0, 2b
        ret

# Writes a1 in decimal as a string at a0.
format:
        mv      t3, a0
        li      t0, 10
1:      remu    t1, a1, t0
        divu    a1, a1, t0
        addi    t1, t1, '0'
        sb      t1, 0(a0)
        addi    a0, a0, 1
        bnez    a1, 1b
        sb      zero, 0(a0)
        mv      a0, t3
        j       reverse                 # the digits came last first

# a0 = the decimal number in the string at a0.
parse:
        li      t0, 0
        li      t1, 10
1:      lbu     t2, 0(a0)
        beqz    t2, 2f
        mul     t0, t0, t1
        addi    t2, t2, -'0'
        add     t0, t0, t2
        addi    a0, a0, 1
        j       1b
2:      mv      a0, t0
        ret

        .data
text:   .asciz  "the quick brown fox jumps over the lazy dog"
needle: .asciz  "lazy"
l_length: .asciz "length "
l_words: .asciz "words "
l_find: .asciz  "found at "
l_compare: .asciz "comparison "
l_sum:  .asciz  "sum "
buffer: .space  64

        .include "library.asm"
