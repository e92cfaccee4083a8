// A boot sector that does everything through the services of a PC's firmware: prints (INT 10h), asks for the memory size
// (INT 12h), reads the next sector of the drive it came from (INT 13h), and waits for a key (INT 16h). Then it ends the
// run with status 33, or 35 when the drive could not be read.

.code16
.globl _start

.section .text, "ax"
_start:
    ljmp $0, $begin
begin:
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    cli
    movw %ax, %ss
    movw $0x7C00, %sp
    sti
    cld
    movb %dl, drive

    movw $greeting, %si
    call print
    int $0x12
    call print_number
    movw $kibibytes, %si
    call print

    movw $0x0201, %ax
    movw $0x0002, %cx
    movb drive, %dl
    xorb %dh, %dh
    movw $second, %bx
    int $0x13
    movb $0x11, %al
    jc finish
    movw $second, %si
    call print

    movw $asking, %si
    call print
    xorb %ah, %ah
    int $0x16
    call print_character
    movw $line_end, %si
    call print
    movb $0x10, %al
finish:
    outb %al, $0xF4
1:  hlt
    jmp 1b

// Prints the zero-terminated text at SI.
print:
    lodsb
    testb %al, %al
    jz 1f
    call print_character
    jmp print
1:  ret

// Prints the character in AL.
print_character:
    movb $0x0E, %ah
    movw $0x0007, %bx
    int $0x10
    ret

// Prints AX as a decimal number.
print_number:
    movw $10, %cx
    xorw %di, %di
1:  xorw %dx, %dx
    divw %cx
    pushw %dx
    incw %di
    testw %ax, %ax
    jnz 1b
2:  popw %ax
    addb $'0', %al
    call print_character
    decw %di
    jnz 2b
    ret

drive: .byte 0
greeting: .asciz "boot sector: hello from INT 10h\r\nboot sector: "
kibibytes: .asciz " KiB by INT 12h\r\n"
asking: .asciz "boot sector: press a key: "
line_end: .asciz "\r\n"

.org 510
.word 0xAA55
second: .asciz "boot sector: sector 2 by INT 13h\r\n"
.org 1024
