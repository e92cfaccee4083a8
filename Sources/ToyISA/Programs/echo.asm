# echo: gives the console's input back, a line at a time with its number and length.
#
# Every byte is waited for by interrupt as long as there is input; at its end the lines are counted.

        .include "toy.inc"
        .equ    LONGEST, 100

        .text
_start:
        getbound sp
        la      t0, handler
        sw      t0, TRAP_NEW + 4(zero)
        sw      sp, TRAP_NEW + 12(zero)
        li      s0, 0                   # lines
        li      s1, 0                   # length of this line
        la      s2, line
next:
        in      t0, CONSOLE_STATUS(zero)
        andi    t0, t0, 1
        beqz    t0, end
        li      t0, 1
        out     t0, CONSOLE_STATUS(zero)
        wait
        setie   t0
        setie   zero                    # the interrupt comes before this
        la      t1, got
        lw      t0, 0(t1)
        li      t1, '\n'
        beq     t0, t1, 1f
        li      t1, LONGEST
        bgeu    s1, t1, next            # what is too long is cut
        add     t1, s2, s1
        sb      t0, 0(t1)
        addi    s1, s1, 1
        j       next
1:      call    show
        j       next

end:
        beqz    s1, 1f
        call    show                    # a last line without an end
1:      mv      a0, s0
        call    put_decimal
        la      a0, lines
        call    puts
        out     zero, POWER(zero)

# Prints the line, starts the next.
show:
        addi    sp, sp, -4
        sw      ra, 0(sp)
        addi    s0, s0, 1
        mv      a0, s0
        call    put_decimal
        la      a0, opening
        call    puts
        mv      a0, s1
        call    put_decimal
        la      a0, closing
        call    puts
        add     t0, s2, s1
        sb      zero, 0(t0)
        mv      a0, s2
        call    puts
        call    put_newline
        li      s1, 0
        lw      ra, 0(sp)
        addi    sp, sp, 4
        ret

# Only console interrupts are expected: reads the byte.
handler:
        sw      t0, save(zero)
        in      t0, CONSOLE_DATA(zero)
        la      k0, got
        sw      t0, 0(k0)
        lw      t0, save(zero)
        lpsw    0(zero)

        .data
opening: .asciz " ["
closing: .asciz "] "
lines:  .asciz  " lines\n"
        .balign 4
save:   .word   0
got:    .word   0
line:   .space  LONGEST + 1

        .include "library.asm"
