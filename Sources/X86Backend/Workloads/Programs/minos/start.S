// MinOS: entries, ring crossings and the end of the run.
//
// The image is entered in 64-bit mode with storage mapped to itself (ELF64), or in 32-bit protected mode (Multiboot).
// A trap, interrupt or system call saves all registers in the present process's block: the stack pointer that the
// processor takes from the task-state segment is the end of that block. Then the kernel runs on its one stack, with
// interrupts off, and never returns: it goes on with a process.

.intel_syntax noprefix

.set CODE, 0x08
.set DATA, 0x10
.set USER_DATA, 0x23
.set USER_CODE, 0x2B
.set TSS, 0x30
.set EFER, 0xC0000080
.set STAR, 0xC0000081
.set LSTAR, 0xC0000082
.set SFMASK, 0xC0000084
.set SYSTEM_CALL, 256

.section .multiboot, "a"
.balign 4
multiboot:
    .long 0x1BADB002, 0x00010000, -(0x1BADB002 + 0x00010000)
    .long multiboot, text_start, load_end, bss_end, start32

.text
.code32
start32:
    cli
    cld
    // Storage mapped to itself with 2 MiB pages, the first gigabyte; these tables serve until the kernel has its own.
    mov edi, offset early_pml4
    lea eax, [edi + 0x1000 + 3]
    mov [edi], eax
    lea eax, [edi + 0x2000 + 3]
    mov [edi + 0x1000], eax
    lea ebx, [edi + 0x2000]
    mov eax, 0x83
    mov ecx, 512
0:  mov [ebx], eax
    add eax, 0x200000
    add ebx, 8
    dec ecx
    jnz 0b
    mov cr3, edi
    mov eax, cr4
    or eax, 0x20            // PAE
    mov cr4, eax
    mov ecx, EFER
    rdmsr
    or eax, 0x100           // LME
    wrmsr
    mov eax, cr0
    or eax, 0x80000000      // PG
    mov cr0, eax
    lgdt [gdt_pointer]
    .byte 0xEA              // far jump: CS:EIP follow
    .long start64
    .word CODE

.code64
.globl start64
start64:
    cli
    cld
    lgdt [gdt_pointer]
    mov esp, offset kernel_stack_top
    push CODE
    push offset reloaded
    retfq
reloaded:
    mov eax, DATA
    mov ss, eax
    // 64-bit code needs no other data segments, and ring 3 shall not inherit one of ring 0.
    xor eax, eax
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    lldt ax
    xor ebp, ebp

    // SYSCALL and no-execute pages: enable; then selectors, entry and the flags it clears (TF, IF, DF, IOPL, NT, AC).
    mov ecx, EFER
    rdmsr
    or eax, 0x801
    wrmsr
    mov ecx, STAR
    xor eax, eax
    mov edx, (0x1B << 16) | CODE
    wrmsr
    mov ecx, LSTAR
    mov eax, offset system_call
    xor edx, edx
    wrmsr
    mov ecx, SFMASK
    mov eax, 0x47700
    xor edx, edx
    wrmsr
    mov rax, cr0
    or eax, 0x10000         // WP: the kernel itself keeps to read-only pages
    mov cr0, rax
    call make_tables
    mov eax, offset kernel_pml4
    mov cr3, rax
    lidt [idt_pointer]
    mov eax, TSS
    ltr ax
    jmp kernel_main

// SYSCALL comes here: return address in RCX, flags in R11. Builds what a trap leaves.
.globl system_call
system_call:
    mov [user_rsp], rsp
    mov rsp, [tss + 4]
    push USER_DATA
    push [user_rsp]
    push r11
    push USER_CODE
    push rcx
    push 0
    push SYSTEM_CALL
    jmp save

.macro stub vector, code
stub\vector:
    .if \code == 0
    push 0
    .endif
    push \vector
    jmp save
.endm

stub 0, 0
stub 1, 0
stub 2, 0
stub 3, 0
stub 4, 0
stub 5, 0
stub 6, 0
stub 7, 0
stub 8, 1
stub 9, 0
stub 10, 1
stub 11, 1
stub 12, 1
stub 13, 1
stub 14, 1
stub 15, 0
stub 16, 0
stub 17, 1
stub 18, 0
stub 19, 0
stub 32, 0
stub 255, 0

save:
    push rax
    push rcx
    push rdx
    push rbx
    push rbp
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
    mov rdi, rsp
    mov esp, offset kernel_stack_top
    cld
    xor ebp, ebp
    // From ring 3 a trap leaves SS null, and SYSCALL does not: the same either way.
    mov eax, DATA
    mov ss, eax
    jmp trap

.macro restore
    pop r15
    pop r14
    pop r13
    pop r12
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rbp
    pop rbx
    pop rdx
    pop rcx
    pop rax
.endm

// resume(frame): goes on where a trap or interrupt was.
.globl resume
resume:
    mov rsp, rdi
    restore
    add rsp, 16
    iretq

// resume_call(frame): goes on behind a SYSCALL. The frame's RCX and R11 are its RIP and RFLAGS, and RIP is a user's.
.globl resume_call
.globl sysret_place
resume_call:
    mov rsp, rdi
    restore
    mov rsp, [rsp + 40]
sysret_place:
    sysretq

// idle(): waits for an interrupt, which never comes back here.
.globl idle
idle:
    mov esp, offset kernel_stack_top
    sti
0:  hlt
    jmp 0b

// shutdown(status): clears what processors may leave differently, and ends the run.
.globl shutdown
shutdown:
    mov r8d, edi
    xor eax, eax
    mov cr2, rax
    mov edi, offset scratch_start
    mov ecx, offset scratch_end
    sub ecx, edi
    shr ecx, 3
    rep stosq
    mov esp, offset kernel_stack_top
    xor ebx, ebx
    xor edx, edx
    xor esi, esi
    xor edi, edi
    xor r9d, r9d
    xor r10d, r10d
    xor r11d, r11d
    xor r12d, r12d
    xor r13d, r13d
    xor r14d, r14d
    xor r15d, r15d
    mov eax, r8d
    test eax, eax
    out 0xF4, al
0:  hlt
    jmp 0b

.section .rodata
.balign 8
.globl stubs
stubs:
    .quad stub0, stub1, stub2, stub3, stub4, stub5, stub6, stub7, stub8, stub9, stub10, stub11, stub12, stub13
    .quad stub14, stub15, stub16, stub17, stub18, stub19
.globl timer_stub
.globl spurious_stub
timer_stub: .quad stub32
spurious_stub: .quad stub255
gdt_pointer:
    .word gdt_end - gdt - 1
    .quad gdt
idt_pointer:
    .word 256 * 16 - 1
    .quad idt

.data
.balign 8
// Segments with their accessed bits set already: the table is never written but for the busy bit of the TSS.
gdt:
    .quad 0
    .quad 0x00AF9B000000FFFF    // 0x08 ring-0 code, 64-bit
    .quad 0x00CF93000000FFFF    // 0x10 ring-0 data
    .quad 0x00CFFB000000FFFF    // 0x18 ring-3 code, 32-bit
    .quad 0x00CFF3000000FFFF    // 0x20 ring-3 data
    .quad 0x00AFFB000000FFFF    // 0x28 ring-3 code, 64-bit
.globl tss_descriptor
tss_descriptor:
    .quad 0, 0                  // 0x30 task-state segment
gdt_end:

.bss
.balign 4096
early_pml4:
    .skip 3 * 4096

.section .bss.scratch, "aw", @nobits
.balign 16
.globl kernel_stack_top
    .skip 8192
kernel_stack_top:
user_rsp: .skip 8
