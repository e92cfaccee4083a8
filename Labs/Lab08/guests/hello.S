# Prints a number and random letters, byte by byte, and halts.
        .code16
        .include "hello.inc"
