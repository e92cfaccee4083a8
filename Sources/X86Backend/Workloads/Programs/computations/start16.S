// Entry of the 16-bit programs: a flat image at 0x7C00, parameters eight bytes behind its start.

.intel_syntax noprefix
.code16
.globl _start
.globl parameters

.section .start, "ax"
_start:
    // Reload CS, as a boot sector does: firmware may have come in through another segment.
    jmp 0, offset start
.balign 8
parameters:
    .long 0, 1
start:
    cli
    cld
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    // All of ESP counts: the compiler's code uses 32-bit addresses.
    mov esp, 0x7C00
    xor ebp, ebp
    .att_syntax
    calll kernel_main
    .intel_syntax noprefix
    out 0xF4, al
halt:
    hlt
    jmp halt
