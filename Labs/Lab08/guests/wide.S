# Writes numbers of one, two and four bytes to the adder and reads its sum in all three sizes. Reads a port where there
# is nothing, too: all its bits are ones.
        .code16
        .include "common.inc"

start:  mov     esp, 0x8000
        mov     ecx, 6
1:      call    random
        mov     ebx, eax
        mov     dx, ADDER
        mov     eax, ebx
        out     dx, eax
        out     dx, ax
        out     dx, al
        mov     eax, 0x11111111
        in      al, dx
        call    hex
        mov     eax, 0x22222222
        mov     dx, ADDER
        in      ax, dx
        call    hex
        mov     dx, ADDER
        in      eax, dx
        call    hex
        call    newline
        dec     ecx
        jnz     1b
        mov     dx, 0x600
        out     dx, ax
        in      ax, dx
        movzx   eax, ax
        call    hex
        in      eax, dx
        call    hex
        call    newline
        hlt
