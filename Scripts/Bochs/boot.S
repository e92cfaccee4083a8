// Boot sector that starts an x86 program as the package's loader does: flat segments, stack at 512 KiB, and
// in 64-bit mode an identity map of the first 4 GiB. Built with -DBITS=32 or -DBITS=64.
//
// At `plan` the image's maker writes how many sectors follow, where the program starts, and its segments.
// A byte on the serial line says that the program starts now.

.intel_syntax noprefix
.code16
.globl _start

.set LOAD, 0x10000

.section .text
_start:
    cli
    cld
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7C00
    // INT 13h, function 42h: extended read; DL is still the drive that the BIOS started from.
    mov ax, [sectors]
    mov [packet + 2], ax
    mov si, offset packet
    mov ah, 0x42
    int 0x13
    jc failed
    cli
    // Address line 20, by the chip set's fast gate.
    in al, 0x92
    or al, 2
    and al, 0xFE
    out 0x92, al
    lgdt [gdt_pointer]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    .byte 0x66, 0xEA            // a far jump with a 32-bit offset
    .long protected
    .word 0x18
failed:
    mov al, '!'
    mov dx, 0x3F8
    out dx, al
    hlt
    jmp failed

.code32
protected:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    mov ss, eax
    mov esp, 0x80000
    // Segments: source, destination, bytes in the file, bytes in memory; a zero source ends them.
    mov ebx, offset segments
next:
    mov esi, [ebx]
    test esi, esi
    jz copied
    mov edi, [ebx + 4]
    mov ecx, [ebx + 8]
    rep movsb
    mov ecx, [ebx + 12]
    sub ecx, [ebx + 8]
    xor eax, eax
    rep stosb
    add ebx, 16
    jmp next
copied:
#if BITS == 64
    // Page-map level 4 at 1000, pointers at 2000, four directories of 2 MiB pages from 3000.
    mov edi, 0x1000
    mov ecx, 0x2000 / 4
    xor eax, eax
    rep stosd
    mov dword ptr [0x1000], 0x2023
    mov dword ptr [0x2000], 0x3023
    mov dword ptr [0x2008], 0x4023
    mov dword ptr [0x2010], 0x5023
    mov dword ptr [0x2018], 0x6023
    mov eax, 0xE3
    mov ecx, 2048
map:
    mov [edi], eax
    mov dword ptr [edi + 4], 0
    add edi, 8
    add eax, 0x200000
    loop map
    mov eax, cr4
    or al, 0x20
    mov cr4, eax
    mov eax, 0x1000
    mov cr3, eax
    mov ecx, 0xC0000080
    rdmsr
    or ah, 1
    wrmsr
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
#endif
    // Serial line: 8 bits, 115,200 baud.
    mov ebx, offset line
    mov ecx, 4
setting:
    movzx edx, word ptr [ebx]
    mov al, [ebx + 2]
    out dx, al
    add ebx, 3
    loop setting
wait:
    mov dx, 0x3FD
    in al, dx
    test al, 0x20
    jz wait
    mov dx, 0x3F8
    mov al, '>'
    out dx, al
    xor eax, eax
    xor ebx, ebx
    xor ecx, ecx
    xor edx, edx
    xor esi, esi
    xor edi, edi
    xor ebp, ebp
    jmp fword ptr [entry]

// Ports and values.
line:
    .word 0x3FB
    .byte 0x83
    .word 0x3F8
    .byte 1
    .word 0x3F9
    .byte 0
    .word 0x3FB
    .byte 0x03
.balign 8
gdt:
    .quad 0
#if BITS == 64
    .quad 0x00AF9B000000FFFF
#else
    .quad 0x00CF9B000000FFFF
#endif
    .quad 0x00CF93000000FFFF
    .quad 0x00CF9B000000FFFF
gdt_pointer:
    .word . - gdt - 1
    .long gdt
// Disk address packet: size, sectors, where to (offset and segment), from which sector.
packet:
    .byte 16, 0
    .word 0
    .word 0, LOAD >> 4
    .quad 1

.org 0x1A0
plan:
sectors:
    .word 0
entry:
    .long 0
    .word 8
segments:
    .fill 5 * 4, 4, 0
.org 510
    .word 0xAA55
