// One operation of the processor in 64-bit mode, over and over: the seven nanobenchmarks of Adams and Agesen,
// "A Comparison of Software and Hardware Techniques for x86 Virtualization" (2006). Which one, and how often,
// is written to `parameters` before the machine is switched on.
//
// Memory: 0 - 2 MiB supervisor, one large page; 4 MiB on the user's code and stack, 4 KiB pages; at 6 MiB
// a page that comes and goes. EBX counts down, EBP counts what was done.

.intel_syntax noprefix
.code64
.globl _start
.globl parameters

.set EFER, 0xC0000080
.set STAR, 0xC0000081
.set LSTAR, 0xC0000082
.set SFMASK, 0xC0000084
// The machine's own descriptor table has what is needed.
.set CODE, 0x08
.set DATA, 0x10
.set USER_DATA, 0x23
.set USER_CODE, 0x2B
.set USER_START, 0x400000
.set SPARE, 0x600000

.section .text, "ax"
_start:
    cli
    cld
    mov esp, offset stack_top
    call make_tables
    mov eax, offset pml4
    mov cr3, rax
    lidt [idt_pointer]

    // SYSCALL: enable, then selectors, entry and the flags it clears.
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

    mov ebx, [parameters + 4]
    xor ebp, ebp
    mov eax, [parameters]
    cmp eax, 6
    ja bad_trap
    jmp qword ptr [operations + rax * 8]

// in: from a port that is not of a device of this machine.
port_input:
    in al, 0x80
    inc ebp
    dec ebx
    jnz port_input
    jmp finish

// cr8wr: the priority below which interrupts wait.
priority_write:
    mov eax, ebx
    and eax, 15
    mov cr8, rax
    inc ebp
    dec ebx
    jnz priority_write
    xor eax, eax
    mov cr8, rax
    jmp finish

// ptemod: an entry changes, is forgotten, and is used. Each frame holds the entry that maps it.
table_change:
    mov edi, SPARE
    mov eax, offset frame_b + 3
    mov esi, offset frame_a
    xor esi, offset frame_b
1:  xor eax, esi
    mov [spare_table], rax
    invlpg [rdi]
    mov edx, [rdi]
    cmp edx, eax
    jne 2f
    inc ebp
2:  dec ebx
    jnz 1b
    jmp finish

// The others begin in ring 3.
syscall_user:
    mov eax, offset user_syscall
    jmp enter_user
call_user:
    mov eax, offset user_call
    jmp enter_user
fault_user:
    mov eax, offset user_fault
    jmp enter_user
divide_user:
    mov eax, offset user_divide

// To the address in RAX in ring 3.
enter_user:
    mov ecx, offset user_stack_top
    push USER_DATA
    push rcx
    push 0x2
    push USER_CODE
    push rax
    iretq

// SYSCALL comes here: 0 in EAX is the call that is measured, anything else the end. Back by IRETQ, which works where SYSRET does
// not.
system_call:
    mov [user_stack], rsp
    mov esp, offset stack_top
    test eax, eax
    jnz finish
    inc ebp
    push USER_DATA
    push [user_stack]
    push 0x2
    push USER_CODE
    push rcx
    iretq

divide_error:
    cmp qword ptr [rsp], offset divide_here
    jne bad_trap
    inc ebp
    add qword ptr [rsp], 2
    iretq

// On some hosts SYSCALL goes to its entry without raising the privilege level, and the fetch faults because ring 3 has
// no access to this page: then RCX and R11 are as SYSCALL leaves them, and the call goes on from here.
page_fault:
    cmp qword ptr [rsp + 8], offset fault_here
    jne 1f
    inc ebp
    add rsp, 8
    add qword ptr [rsp], 2
    iretq
1:  cmp qword ptr [rsp + 8], offset system_call
    jne bad_trap
    mov rsp, [rsp + 32]
    jmp system_call

// Any other trap is a mistake of this program: status 2.
bad_trap:
    mov al, 2
    out 0xF4, al
halt:
    hlt
    jmp halt

// Prints how many were done; status 0 if that is as many as were asked for.
finish:
    mov dx, 0x3F8
    mov esi, offset text
    mov ecx, 6
    rep outsb
    mov ecx, 8
1:  rol ebp, 4
    mov eax, ebp
    and eax, 15
    movzx eax, byte ptr [digits + rax]
    out dx, al
    dec ecx
    jnz 1b
    mov al, 10
    out dx, al
    cmp ebp, [parameters + 4]
    setne al
    out 0xF4, al
    jmp halt

make_tables:
    mov ecx, 32
    mov edi, offset idt
    mov eax, offset bad_trap
1:  call make_gate
    dec ecx
    jnz 1b
    mov edi, offset idt
    mov eax, offset divide_error
    call make_gate
    mov edi, offset idt + 14 * 16
    mov eax, offset page_fault
    call make_gate
    mov eax, offset pdpt + 7
    mov [pml4], eax
    mov eax, offset directory + 7
    mov [pdpt], eax
    mov dword ptr [directory], 0x83
    mov eax, offset user_table + 7
    mov [directory + 2 * 8], eax
    mov eax, offset spare_table + 7
    mov [directory + 3 * 8], eax
    mov edi, offset user_table
    mov eax, USER_START + 7
1:  mov [rdi], eax
    add edi, 8
    add eax, 0x1000
    cmp eax, offset user_end + 7
    jb 1b
    mov eax, offset frame_a + 3
    mov [frame_a], eax
    mov eax, offset frame_b + 3
    mov [frame_b], eax
    ret

// An interrupt gate to EAX at RDI, which goes on to the next.
make_gate:
    mov [rdi], ax
    mov word ptr [rdi + 2], CODE
    mov word ptr [rdi + 4], 0x8E00
    mov edx, eax
    shr edx, 16
    mov [rdi + 6], dx
    add edi, 16
    ret

.section .rodata, "a"
.balign 8
operations: .quad syscall_user, port_input, priority_write, call_user, fault_user, divide_user, table_change
idt_pointer:
    .word 32 * 16 - 1
    .quad idt
text: .ascii "done: "
digits: .ascii "0123456789abcdef"

.section .data, "aw"
.balign 8
parameters: .long 0, 100
user_stack: .quad 0

.section .bss, "aw", @nobits
.balign 4096
pml4: .skip 4096
pdpt: .skip 4096
directory: .skip 4096
user_table: .skip 4096
spare_table: .skip 4096
frame_a: .skip 4096
frame_b: .skip 4096
idt: .skip 4096
    .skip 4096
stack_top:

.section .user, "awx", @progbits
user_syscall:
    xor eax, eax
    syscall
    dec ebx
    jnz user_syscall
    jmp user_exit
user_call:
    mov eax, offset callee
1:  call rax
    dec ebx
    jnz 1b
    jmp user_exit
callee:
    inc ebp
    ret
user_fault:
    mov edx, SPARE
fault_here:
    mov eax, [rdx]
    dec ebx
    jnz fault_here
    jmp user_exit
user_divide:
    xor ecx, ecx
divide_here:
    div ecx
    dec ebx
    jnz divide_here
user_exit:
    mov eax, 1
    syscall

.section .user.bss, "aw", @nobits
.balign 4096
    .skip 4096
user_stack_top:
user_end:
