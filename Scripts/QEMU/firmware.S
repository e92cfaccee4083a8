// Firmware that starts an x86 program on QEMU as the package's machine does: its segments in place, its registers,
// descriptors and page tables as in `X86InitialState`, and nothing else that runs before. Built with -DBITS=16, 32 or 64.
//
// 64 KiB that end at 1 MiB and at 4 GiB. The program lies at offset 0; at `plan` the image's maker writes where it
// starts, and its segments.

.intel_syntax noprefix
.code16
.globl _start

.set ROM, 0xF0000
.set GDT, 0x500
.set TSS, 0x600
.set GDT_SIZE, 64

.section .text
.org 0xE000
_start:
    cli
    cld
    mov ax, 0xF000
    mov ds, ax
    // Address line 20, by the chip set's fast gate.
    in al, 0x92
    or al, 2
    and al, 0xFE
    out 0x92, al
#if BITS == 16
    // Caches on, as on the package's machine.
    mov eax, 0x10
    mov cr0, eax
    // One segment below 64 KiB, for which real mode is enough.
    xor ax, ax
    mov es, ax
    mov si, cs:[segments]
    mov di, cs:[segments + 4]
    mov cx, cs:[segments + 8]
    rep movsb
    lidt cs:[real_idt]
    lgdt cs:[real_idt + 6]
    mov ds, ax
    mov ss, ax
    xor ebx, ebx
    xor ecx, ecx
    xor edx, edx
    xor esi, esi
    xor edi, edi
    xor ebp, ebp
    mov esp, 0x7C00
    push 2
    popf
    mov eax, 0
    .byte 0xEA                  // a far jump, which does not touch the flags
start_offset:
    .word 0x7C00
    .word 0
real_idt:
    .word 0x3FF
    .long 0
    .word 0xFFFF
    .long 0
#else
    lgdt cs:[own_pointer]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    .byte 0x66, 0xEA            // a far jump with a 32-bit offset
    .long ROM + protected
    .word 0x18

.code32
protected:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    mov ss, eax
    // Segments: source, destination, bytes in the file, bytes in memory; a zero destination ends them.
    lea ebx, [ROM + segments]
next:
    mov edi, [ebx + 4]
    test edi, edi
    jz copied
    mov esi, [ebx]
    add esi, ROM
    mov ecx, [ebx + 8]
    rep movsb
    mov ecx, [ebx + 12]
    sub ecx, [ebx + 8]
    xor eax, eax
    rep stosb
    add ebx, 16
    jmp next
copied:
    lea esi, [ROM + gdt]
    mov edi, GDT
    mov ecx, GDT_SIZE
    rep movsb
    mov dword ptr [TSS + 4], 0x90000
#if BITS == 32
    mov dword ptr [TSS + 8], 0x10
#endif
    mov dword ptr [TSS + 100], 0x680000
    lgdt [ROM + gdt_pointer]
    lidt [ROM + idt_pointer]
    mov ax, 0x30
    ltr ax
#if BITS == 64
    // 2 MiB pages, identical, up to 4 GiB.
    mov dword ptr [0x1000], 0x2023
    mov dword ptr [0x2000], 0x3023
    mov dword ptr [0x2008], 0x4023
    mov dword ptr [0x2010], 0x5023
    mov dword ptr [0x2018], 0x6023
    mov edi, 0x3000
    mov eax, 0xE3
    mov ecx, 2048
map:
    mov [edi], eax
    mov dword ptr [edi + 4], 0
    add edi, 8
    add eax, 0x200000
    loop map
    mov eax, 0x20
    mov cr4, eax
    mov eax, 0x1000
    mov cr3, eax
    mov ecx, 0xC0000080
    rdmsr
    or ah, 1
    wrmsr
    mov eax, 0x80000011
    mov cr0, eax
#else
    mov eax, 0x11
    mov cr0, eax
#endif
    // Flags by way of a stack that nobody minds.
    mov esp, 0x7C00
    xor eax, eax
    xor ebx, ebx
    xor ecx, ecx
    xor edx, edx
    xor esi, esi
    xor edi, edi
    xor ebp, ebp
    push 2
    popfd
    mov dword ptr [0x7BFC], 0
    mov esp, 0x80000
    jmp fword ptr [ROM + entry]

own_pointer:
    .word own_end - own - 1
    .long ROM + own
gdt_pointer:
    .word GDT_SIZE - 1
    .long GDT
idt_pointer:
    .word 0
    .long 0
.balign 8
own:
    .quad 0
    .quad 0
    .quad 0x00CF93000000FFFF
    .quad 0x00CF9B000000FFFF
own_end:
// As `X86InitialTables` has them; LTR makes the last one busy.
gdt:
    .quad 0
#if BITS == 64
    .quad 0x00AF9B000000FFFF
#else
    .quad 0x00CF9B000000FFFF
#endif
    .quad 0x00CF93000000FFFF
    .quad 0x00CFFB000000FFFF
    .quad 0x00CFF3000000FFFF
#if BITS == 64
    .quad 0x00AFFB000000FFFF
#else
    .quad 0
#endif
    .quad 0x0000890006000067
    .quad 0
#endif

.org 0xFF00
plan:
entry:
    .long 0
    .word 8
    .word 0
segments:
    .fill 5 * 4, 4, 0

.org 0xFFF0
    .byte 0xEA
    .word _start, 0xF000
.org 0xFFFF
    .byte 0
