// Real mode: the primes below 4,000 with the sieve of Eratosthenes.
//
// Loaded at 0x7C00 like a boot sector. Prints
//   real16: 550 primes below 4000, last 3989, sum 1013507
// on the serial line and switches the machine off with status 0.

.intel_syntax noprefix
.code16
.globl _start

.set SERIAL, 0x3F8
.set POWER, 0xF4
.set LIMIT, 4000
.set SIEVE_SEGMENT, 0x1000

.text
_start:
    cli
    cld
    // Reload CS, as a boot sector does: firmware may have come in through another segment.
    jmp 0, offset start
start:
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7C00
    mov ax, SIEVE_SEGMENT
    mov es, ax

    // All numbers are candidates: one byte each, 1 for "maybe prime".
    xor di, di
    mov cx, LIMIT / 2
    mov ax, 0x0101
    rep stosw

    // Strike the multiples of every number that was not struck itself.
    mov bx, 2
next_factor:
    mov ax, bx
    mul bx
    test dx, dx
    jnz count
    cmp ax, LIMIT
    jae count
    cmp byte ptr es:[bx], 0
    je struck
    mov di, ax
strike:
    mov byte ptr es:[di], 0
    add di, bx
    cmp di, LIMIT
    jb strike
struck:
    inc bx
    jmp next_factor

    // Count, remember the last, and add up (32 bits in two halves).
count:
    mov si, 2
    xor bp, bp
count_next:
    cmp byte ptr es:[si], 0
    je not_prime
    inc bp
    mov [last], si
    add [sum], si
    adc word ptr [sum + 2], 0
not_prime:
    inc si
    cmp si, LIMIT
    jb count_next

    mov si, offset text_name
    call print
    mov ax, bp
    xor dx, dx
    call print_decimal
    mov si, offset text_below
    call print
    mov ax, [last]
    xor dx, dx
    call print_decimal
    mov si, offset text_sum
    call print
    mov ax, [sum]
    mov dx, [sum + 2]
    call print_decimal
    mov al, '\n'
    call put

    xor eax, eax
    out POWER, al
halt:
    hlt
    jmp halt

// Prints the text at SI up to its zero byte.
print:
    lodsb
    test al, al
    jz print_done
    call put
    jmp print
print_done:
    ret

// Sends AL when the line is ready.
put:
    push dx
    push ax
    mov dx, SERIAL + 5
put_wait:
    in al, dx
    test al, 0x20
    jz put_wait
    pop ax
    mov dx, SERIAL
    out dx, al
    pop dx
    ret

// Prints DX:AX in decimal: digits are divided off into the stack, high word first.
print_decimal:
    push bx
    push cx
    push si
    xor cx, cx
    mov bx, 10
digit:
    mov si, ax
    mov ax, dx
    xor dx, dx
    div bx
    xchg ax, si
    div bx
    push dx
    inc cx
    mov dx, si
    or si, ax
    jnz digit
put_digit:
    pop ax
    add al, '0'
    call put
    loop put_digit
    pop si
    pop cx
    pop bx
    ret

text_name:  .asciz "real16: "
text_below: .asciz " primes below 4000, last "
text_sum:   .asciz ", sum "
last:       .word 0
sum:        .long 0
