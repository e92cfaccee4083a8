// Entry of the 32-bit program: its own descriptor table and stack, then C.

.intel_syntax noprefix
.code32
.globl _start
.globl memset
.globl memcpy

.text
_start:
    cli
    cld
    lgdt [gdt_pointer]
    jmp 0x08, offset flat
flat:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    mov ss, eax
    mov esp, offset stack_top
    xor ebp, ebp
    call kernel_main
    // Status in AL.
    out 0xF4, al
halt:
    hlt
    jmp halt

// void *memset(void *to, int byte, size_t count)
memset:
    push edi
    mov edi, [esp + 8]
    mov eax, [esp + 12]
    mov ecx, [esp + 16]
    rep stosb
    mov eax, [esp + 8]
    pop edi
    ret

// void *memcpy(void *to, const void *from, size_t count)
memcpy:
    push edi
    push esi
    mov edi, [esp + 12]
    mov esi, [esp + 16]
    mov ecx, [esp + 20]
    rep movsb
    mov eax, [esp + 12]
    pop esi
    pop edi
    ret

.section .rodata
.balign 8
gdt:
    .quad 0
    // Flat 32-bit code and data, ring 0, marked accessed so that the processor need not write here.
    .quad 0x00CF9B000000FFFF
    .quad 0x00CF93000000FFFF
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .long gdt

.bss
.balign 16
    .skip 4096
stack_top:
