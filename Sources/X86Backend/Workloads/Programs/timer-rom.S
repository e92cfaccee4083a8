# Firmware of 4 KiB: programs the interrupt controllers and the timer, waits for ten timer interrupts in HLT,
# writes "ticks: 10" to the serial line and the screen, and ends the run.
.intel_syntax noprefix
.code16
.set COUNT, 0x500

start:
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7C00
    mov word ptr [COUNT], ax
    # Vector 8: the timer.
    mov word ptr [8*4], offset timer
    mov word ptr [8*4+2], 0xF000
    # Counter 0: mode 2, 1000 ticks. The edge that its output makes at once is forgotten when the interrupt
    # controllers are initialized.
    mov al, 0x34
    out 0x43, al
    mov al, 0xE8
    out 0x40, al
    mov al, 0x03
    out 0x40, al
    # Interrupt controllers: edge-triggered, vectors 8 and 70h, only the timer on.
    mov al, 0x11
    out 0x20, al
    out 0xA0, al
    mov al, 8
    out 0x21, al
    mov al, 0x70
    out 0xA1, al
    mov al, 4
    out 0x21, al
    mov al, 2
    out 0xA1, al
    mov al, 1
    out 0x21, al
    out 0xA1, al
    mov al, 0xFE
    out 0x21, al
    mov al, 0xFF
    out 0xA1, al
    sti
wait:
    hlt
    cmp word ptr [COUNT], 10
    jb wait
    cli
    # Text: to the serial line and to the screen.
    mov ax, 0xB800
    mov es, ax
    xor di, di
    mov si, offset message
next:
    mov al, cs:[si]
    inc si
    test al, al
    jz done
    mov dx, 0x3F8
    out dx, al
    cmp al, 10
    je next
    mov es:[di], al
    mov byte ptr es:[di+1], 7
    add di, 2
    jmp next
done:
    # A store to read-only memory changes nothing.
    mov ax, 0xF000
    mov es, ax
    mov byte ptr es:[message], 'X'
    mov al, es:[message]
    out 0xE9, al
    mov al, 3
    out 0x80, al
    mov al, 21
    out 0xF4, al
stop:
    hlt
    jmp stop
timer:
    push ax
    inc word ptr cs:[scratch]
    inc word ptr ds:[COUNT]
    mov al, 0x20
    out 0x20, al
    pop ax
    iret
message:
    .asciz "ticks: 10\n"
scratch:
    .word 0
.org 0xFF0
    .byte 0xEA
    .word start, 0xF000
.org 0x1000
