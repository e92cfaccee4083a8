# Reads twelve bytes of input with one instruction, writes them backwards with another, and then the same with the adder
# and words.
        .code16
        .include "common.inc"

start:  mov     esp, 0x8000
        cld
        mov     di, offset buffer
        mov     dx, CONSOLE
        mov     cx, 12
        rep insb
        # Backwards, in place.
        mov     si, offset buffer
        mov     di, offset buffer + 11
1:      mov     al, [si]
        mov     ah, [di]
        mov     [si], ah
        mov     [di], al
        inc     si
        dec     di
        cmp     si, di
        jb      1b
        mov     si, offset buffer
        mov     cx, 12
        rep outsb
        call    newline
        # The bytes as six words to the adder, and its sum four times back, each time what was there before.
        mov     dx, ADDER
        call    random
        out     dx, eax
        mov     dx, ADDER
        mov     si, offset buffer
        mov     cx, 6
        rep outsw
        mov     di, offset buffer
        mov     cx, 4
        rep insw
        mov     si, offset buffer
        mov     cx, 4
2:      lodsw
        movzx   eax, ax
        push    cx
        call    hex
        pop     cx
        dec     cx
        jnz     2b
        call    newline
        hlt

buffer: .space  16
