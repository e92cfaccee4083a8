# Console output routines for the programs here; needs toy.inc.
#
# They write the console port, so the caller runs in supervisor mode. They take their argument in
# a0 and change only a0 and t0 to t3. All need a stack but puts.

        .text

# Writes the zero-terminated string at a0.
puts:
        lbu     t0, 0(a0)
        beqz    t0, 1f
        out     t0, CONSOLE_DATA(zero)
        addi    a0, a0, 1
        j       puts
1:      ret

# Writes a0 as an unsigned decimal number.
put_decimal:
        addi    t0, sp, 0               # digits are stored downwards from the stack pointer
        addi    sp, sp, -16
        li      t1, 10
1:      remu    t2, a0, t1
        divu    a0, a0, t1
        addi    t2, t2, '0'
        addi    t0, t0, -1
        sb      t2, 0(t0)
        bnez    a0, 1b
        addi    sp, sp, 16
2:      lbu     t2, 0(t0)
        out     t2, CONSOLE_DATA(zero)
        addi    t0, t0, 1
        bltu    t0, sp, 2b
        ret

# Writes a0 as eight hexadecimal digits.
put_hex:
        li      t0, 28
        li      t1, 10
1:      srl     t2, a0, t0
        andi    t2, t2, 15
        addi    t3, t2, '0'
        bltu    t2, t1, 2f
        addi    t3, t2, 'a' - 10
2:      out     t3, CONSOLE_DATA(zero)
        addi    t0, t0, -4
        bge     t0, zero, 1b
        ret

# Writes a newline.
put_newline:
        li      t0, '\n'
        out     t0, CONSOLE_DATA(zero)
        ret
