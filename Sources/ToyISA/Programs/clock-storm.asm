# clock-storm: a timer that is due again after every one or two instructions, SIZE times over.
#
# The handler starts the timer with so few ticks that it is due before or just after the return.

        .include "toy.inc"

        .ifndef SIZE
        .equ    SIZE, 5000
        .endif

        .text
_start:
        getbound sp
        la      t0, handler
        sw      t0, TRAP_NEW + 4(zero)
        sw      sp, TRAP_NEW + 12(zero)
        li      s0, 0                   # interrupts
        li      s1, SIZE
        li      s2, 0                   # turns of the loop
        li      s3, 0                   # mix of the places where the loop was interrupted
        li      t3, 31
        li      t0, 1
        out     t0, TIMER(zero)
        getclk  a3
        setie   t0
1:      addi    s2, s2, 1
        xor     t1, s2, s0
        bltu    s0, s1, 1b
        setie   zero
        getclk  s1
        sub     s1, s1, a3
        mv      a0, s0
        call    put_decimal
        la      a0, t_turns
        call    puts
        mv      a0, s2
        call    put_decimal
        la      a0, t_mix
        call    puts
        mv      a0, s3
        call    put_hex
        la      a0, t_time
        call    puts
        mv      a0, s1
        call    put_decimal
        call    put_newline

        # Interrupts while waiting: every wait is ended by the timer, and time jumps.
        li      s2, 0
        li      s0, 0
        li      s1, 0                   # the handler does not start the timer again
        getclk  a3
2:      addi    s2, s2, 100
        out     s2, TIMER(zero)
        wait
        li      t0, 1
        setie   t0
        setie   zero
        li      t0, 1000
        bltu    s2, t0, 2b
        getclk  t0
        sub     s1, t0, a3
        mv      a0, s0
        call    put_decimal
        la      a0, t_waits
        call    puts
        mv      a0, s1
        call    put_decimal
        call    put_newline
        out     zero, POWER(zero)

handler:
        addi    s0, s0, 1
        lw      k0, TRAP_OLD + 4(zero)
        mul     s3, s3, t3
        add     s3, s3, k0
        bgeu    s0, s1, 1f
        andi    k0, s0, 3               # 1 to 4 ticks: different places are hit
        addi    k0, k0, 1
        out     k0, TIMER(zero)
1:      lpsw    TRAP_OLD(zero)

        .data
t_turns: .asciz " interrupts, turns "
t_mix:  .asciz  ", places "
t_time: .asciz  ", time "
t_waits: .asciz " waits, time "

        .include "library.asm"
