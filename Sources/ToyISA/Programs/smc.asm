# smc: a supervisor that changes its own instructions: behind, ahead, in its handler, and by the disk.

        .include "toy.inc"

        .ifndef SIZE
        .equ    SIZE, 2000
        .endif

        .text
_start:
        getbound sp

        # Adds 1, 2, 3 … SIZE by an instruction whose immediate grows with every turn.
        li      s0, 0
        li      s1, SIZE
        la      s2, patch
patch:  addi    s0, s0, 1
        lw      t0, 0(s2)
        addi    t0, t0, 1
        sw      t0, 0(s2)
        addi    s1, s1, -1
        bnez    s1, patch
        la      a0, sum
        call    show

        # Changes the very next instruction.
        li      s0, 0
        la      t0, next
        la      t1, other
        lw      t1, 0(t1)
        sw      t1, 0(t0)
next:   addi    s0, s0, 1               # becomes addi s0, s0, 7
        la      a0, ahead
        call    show

        # Changes one byte of an instruction that has run before.
        li      s0, 0
        call    twice
        la      t0, twice
        li      t1, 5
        sb      t1, 0(t0)
        call    twice
        la      a0, byte
        call    show

        # Changes the trap handler while it runs.
        li      s0, 0
        la      t0, handler
        sw      t0, TRAP_NEW + 4(zero)
        sw      sp, TRAP_NEW + 12(zero)
        la      s1, 1f
        svc     0
1:      la      s1, 1f
        svc     0
1:      la      a0, trap
        call    show

        # The disk writes over an instruction that has run before.
        li      s0, 0
        call    fetched
        out     zero, DISK_SECTOR(zero)
        la      t0, fetched
        out     t0, DISK_ADDRESS(zero)
        li      t0, 2                   # to the disk, changed in between
        out     t0, DISK_COMMAND(zero)
        call    settle
        la      t0, fetched
        la      t1, other
        lw      t1, 0(t1)
        sw      t1, 0(t0)
        call    fetched
        li      t0, 1                   # and back
        out     t0, DISK_COMMAND(zero)
        call    settle
        call    fetched
        la      a0, disk
        call    show
        out     zero, POWER(zero)

twice:  addi    s0, s0, 1
        ret

handler:
        addi    s0, s0, 1
        la      t0, handler
        la      t1, other
        lw      t1, 0(t1)
        sw      t1, 0(t0)
        jr      s1

other:  addi    s0, s0, 7

settle: in      t0, DISK_STATUS(zero)
        addi    t0, t0, -1
        beqz    t0, settle
        ret

# Writes the string at a0, s0 and a newline.
show:
        push    ra
        call    puts
        mv      a0, s0
        call    put_decimal
        call    put_newline
        pop     ra
        ret

        .data
sum:    .asciz  "growing immediate: "
ahead:  .asciz  "next instruction: "
byte:   .asciz  "one byte: "
trap:   .asciz  "handler: "
disk:   .asciz  "disk: "

        .include "library.asm"

        .text
        .balign 4
fetched: addi   s0, s0, 1
        ret
        .space  512
