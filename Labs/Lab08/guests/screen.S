# Writes to the screen, which lies in memory, in all sizes, reads it back, and prints a sum of what it read.
        .code16
        .include "common.inc"

start:  mov     esp, 0x8000
        mov     ax, SCREEN >> 4
        mov     es, ax
        mov     ecx, 12
        xor     edi, edi
1:      call    random
        and     eax, 63
        add     eax, 0x0720
        mov     es:[di], ax             # a character and its attribute
        add     edi, 2
        dec     ecx
        jnz     1b
        call    random
        and     eax, 0x1F1F1F1F
        or      eax, 0x40404040
        mov     es:[160], eax           # four bytes
        mov     byte ptr es:[161], 0x17
        mov     byte ptr es:[163], 0x17
        xor     ebx, ebx
        xor     edi, edi
        mov     ecx, 24
2:      movzx   eax, byte ptr es:[di]
        add     ebx, eax
        rol     ebx, 5
        inc     edi
        dec     ecx
        jnz     2b
        mov     eax, es:[160]
        add     ebx, eax
        mov     ax, es:[162]
        movzx   eax, ax
        xor     ebx, eax
        mov     eax, ebx
        call    hex
        call    newline
        hlt
