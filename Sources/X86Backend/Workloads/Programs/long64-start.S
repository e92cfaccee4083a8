// Entry, page tables, and ring crossings of the 64-bit program.
//
// Memory as this program maps it, all by its own tables:
//   0 - 2 MiB          the program's supervisor part and its stack, 2 MiB page, ring 0 only
//   4 MiB - 4 MiB + 1 MiB  the user part, 4 KiB pages open to ring 3
// Nothing else is mapped.

.intel_syntax noprefix
.code64
.globl _start
.globl enter_user
.globl system_call
.globl page_fault
.globl bad_trap
.globl idt

.set EFER, 0xC0000080
.set STAR, 0xC0000081
.set LSTAR, 0xC0000082
.set SFMASK, 0xC0000084
.set CODE, 0x08
.set DATA, 0x10
.set USER_DATA, 0x23
.set USER_CODE, 0x2B

.section .text
_start:
    cli
    cld
    lgdt [gdt_pointer]
    mov esp, offset stack_top
    // A far return loads CS from the new table.
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
    xor ebp, ebp

    call make_tables
    mov eax, offset pml4
    mov cr3, rax
    lidt [idt_pointer]

    // SYSCALL: enable, then selectors, entry and the flags it clears (TF, IF, DF, NT, AC).
    mov ecx, EFER
    rdmsr
    or eax, 1
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
    mov eax, 0x44700
    xor edx, edx
    wrmsr

    call enter_user_part
    // Status in AL, from the user part's last system call.
    out 0xF4, al
halt:
    hlt
    jmp halt

// Starts the user part in ring 3; comes back from its exit call, with the status in EAX.
enter_user_part:
    mov [kernel_stack], rsp
    mov ecx, offset user_stack_top
    push USER_DATA
    push rcx
    push 0x2
    push USER_CODE
    mov ecx, offset user_main
    push rcx
    // Ring 3 sees nothing of ring 0 in its registers.
    xor eax, eax
    xor ecx, ecx
    xor edx, edx
    xor ebx, ebx
    xor esi, esi
    xor edi, edi
    iretq

// SYSCALL comes here: number in RAX, arguments in RDI and RSI; return address in RCX, flags in R11.
system_call:
    mov [user_stack], rsp
    mov rsp, [kernel_stack]
    // Of the flags only those that computation uses go back to ring 3: it runs without interrupts,
    // whatever the processor says that it saw.
    and r11d, 0xCD7
    // Scratch registers, which a system call does not keep.
    mov r8d, DATA
    mov ss, r8d             // a trap leaves SS null, SYSCALL does not: the same either way
    xor r8d, r8d
    xor r9d, r9d
    cmp eax, 1
    je exit_call
    push rcx
    push r11
    call write_call
    pop r11
    pop rcx
    // Back by IRETQ, which needs no second pair of selectors and works where SYSRET does not.
    push USER_DATA
    push [user_stack]
    push r11
    push USER_CODE
    push rcx
    iretq
exit_call:
    mov eax, edi
    ret

// Page fault, on the stack that the machine's task-state segment gives. One is expected, and only on
// some hosts: there SYSCALL goes to its entry without raising the privilege level, and the fetch faults
// because ring 3 has no access to this page. RCX and R11 are as SYSCALL leaves them, so the call can go on
// from here; the frame and CR2 are cleared, so that nothing shows which way it came.
page_fault:
    // From the stack pointer up: error code, RIP, CS, RFLAGS, RSP, SS.
    cmp qword ptr [rsp + 8], offset system_call
    jne bad_trap
    xor r8d, r8d
    mov cr2, r8
    mov r9, [rsp + 32]      // stack pointer of ring 3
    mov [rsp], r8
    mov [rsp + 8], r8
    mov [rsp + 16], r8
    mov [rsp + 24], r8
    mov [rsp + 32], r8
    mov [rsp + 40], r8
    mov rsp, r9
    jmp system_call

// Any other trap is a mistake of this program: status 2.
bad_trap:
    mov al, 2
    out 0xF4, al
    jmp halt

.section .rodata
.balign 8
gdt:
    .quad 0
    .quad 0x00AF9B000000FFFF    // 0x08 ring-0 code, 64-bit
    .quad 0x00CF93000000FFFF    // 0x10 ring-0 data
    .quad 0x00CFFB000000FFFF    // 0x18 ring-3 code, 32-bit
    .quad 0x00CFF3000000FFFF    // 0x20 ring-3 data
    .quad 0x00AFFB000000FFFF    // 0x28 ring-3 code, 64-bit
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .quad gdt
idt_pointer:
    .word 32 * 16 - 1
    .quad idt

.data
.balign 8
kernel_stack: .quad 0
user_stack:   .quad 0

.bss
.balign 4096
    .skip 4096
stack_top:

.section .user.bss, "aw", @nobits
.balign 16
    .skip 16384
user_stack_top:
