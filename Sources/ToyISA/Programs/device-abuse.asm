# device-abuse: a supervisor that gives the devices orders that make no sense.

        .include "toy.inc"

        .text
_start:
        getbound sp
        getbound s2                     # size of the storage
        la      t0, handler
        sw      t0, TRAP_NEW + 4(zero)
        sw      sp, TRAP_NEW + 12(zero)

        # Ports without a device, and port numbers that wrap round.
        la      a0, t_ports
        call    puts
        in      a0, 0x99(zero)
        call    put_hex
        li      t0, ' '
        out     t0, CONSOLE_DATA(zero)
        li      t1, 0xFFFFFFFF
        in      a0, 1(t1)               # port 0: no input is left
        call    put_hex
        li      t0, 0xABCD0000
        li      t1, '!'
        out     t1, CONSOLE_DATA(t0)    # only 16 bits of a port number count
        li      t0, 0xFFFFFF00 | ' '
        out     t0, CONSOLE_DATA(zero)  # only 8 bits of a character count
        out     t0, 0xFFFF(zero)
        in      a0, POWER(zero)
        call    put_hex
        call    put_newline

        # The disk: sector, address and command, then its status.
        la      s0, orders
        la      s1, orders_end
1:      lw      a0, 0(s0)
        out     a0, DISK_SECTOR(zero)
        lw      t0, 4(s0)
        lw      t1, 8(s0)
        mul     t1, t1, s2              # addresses count from the end of storage if asked to
        add     t0, t0, t1
        out     t0, DISK_ADDRESS(zero)
        lw      t0, 12(s0)
        out     t0, DISK_COMMAND(zero)
        # A busy disk takes no orders.
        out     zero, DISK_SECTOR(zero)
        out     zero, DISK_ADDRESS(zero)
        out     zero, DISK_COMMAND(zero)
2:      in      s3, DISK_STATUS(zero)
        addi    t0, s3, -1
        beqz    t0, 2b
        la      a0, t_sector
        call    puts
        in      a0, DISK_SECTOR(zero)
        call    put_hex
        la      a0, t_address
        call    puts
        in      a0, DISK_ADDRESS(zero)
        call    put_hex
        la      a0, t_command
        call    puts
        lw      a0, 12(s0)
        call    put_decimal
        la      a0, t_status
        call    puts
        mv      a0, s3
        call    put_decimal
        call    put_newline
        addi    s0, s0, 16
        bltu    s0, s1, 1b

        # The last byte that was transferred, and the disk's size, which cannot be written.
        la      a0, t_last
        call    puts
        lbu     a0, -1(s2)
        call    put_decimal
        li      t0, 7
        out     t0, DISK_SECTORS(zero)
        la      a0, t_sectors
        call    puts
        in      a0, DISK_SECTORS(zero)
        call    put_decimal
        call    put_newline

        # Both interrupts at once, with interrupts off; then they come by line, one at a time.
        li      t0, 1
        out     t0, DISK_STATUS(zero)
        out     t0, DISK_COMMAND(zero)
        out     t0, TIMER(zero)
3:      in      t1, DISK_STATUS(zero)
        beq     t1, t0, 3b
        out     zero, DISK_STATUS(zero)
        la      s0, order
        setie   t0
        nop
        nop
        setie   zero
        sb      zero, 0(s0)
        la      a0, t_order
        call    puts
        la      a0, order
        call    puts
        call    put_newline

        # A timer stopped at once, and one that is never due while the guest lives.
        li      t0, 1
        out     t0, TIMER(zero)
        out     zero, TIMER(zero)
        in      a0, TIMER(zero)
        call    put_decimal
        li      t0, ' '
        out     t0, CONSOLE_DATA(zero)
        li      t0, 0xFFFFFFFF
        out     t0, TIMER(zero)
        in      a0, TIMER(zero)
        call    put_hex
        call    put_newline

        # A flood of output, of all byte values below 128 that are printable.
        li      s0, 2000
        li      s1, '!'
4:      out     s1, CONSOLE_DATA(zero)
        addi    s1, s1, 1
        li      t0, 127
        bltu    s1, t0, 5f
        li      s1, '!'
5:      addi    s0, s0, -1
        bnez    s0, 4b
        call    put_newline

        # A status of 32 bits.
        li      t0, 0x80000001
        out     t0, POWER(zero)
6:      j       6b

handler:
        lw      k0, TRAP_VALUE(zero)
        addi    k0, k0, '0'
        sb      k0, 0(s0)
        addi    s0, s0, 1
        lpsw    TRAP_OLD(zero)

        .balign 4
        # Sector, address, whether it counts from the end of storage, command.
orders: .word   0, -512, 1, 1
        .word   0, -511, 1, 1
        .word   0, 0, 1, 1
        .word   0, 0xFFFFFFFF, 0, 1
        .word   64, 0x8000, 0, 1
        .word   0xFFFFFFFF, 0x8000, 0, 2
        .word   0x00800000, 0x8000, 0, 1
        .word   0, 0x8000, 0, 7
        .word   0, 0x8000, 0, 0
        .word   63, 0x8001, 0, 2
orders_end:

        .data
t_ports: .asciz "ports "
t_sector: .asciz "sector "
t_address: .asciz " address "
t_command: .asciz " command "
t_status: .asciz " status "
t_last: .asciz  "last byte "
t_sectors: .asciz " sectors "
t_order: .asciz "interrupts on lines "
order:  .space  8

        .include "library.asm"
