# Waits for each byte of input, sends it back in the other case, and at the end of the line prints how often it asked,
# a sum of all bytes, and whether more input waits.
        .code16
        .include "common.inc"

start:  mov     esp, 0x8000
        xor     esi, esi                # sum
        xor     edi, edi                # how often the status was read
1:      inc     edi
        mov     dx, STATUS
        in      al, dx
        test    al, 1
        jz      1b
        test    al, 0x20
        jz      1b
        mov     dx, CONSOLE
        in      al, dx
        movzx   eax, al
        add     esi, eax
        rol     esi, 3
        cmp     al, 10
        je      2f
        xor     al, 0x20
        call    put
        jmp     1b
2:      call    newline
        mov     eax, esi
        add     eax, [number]
        call    hex
        mov     eax, edi
        call    hex
        mov     dx, STATUS
        in      al, dx
        and     eax, 1
        call    hex
        call    newline
        hlt
