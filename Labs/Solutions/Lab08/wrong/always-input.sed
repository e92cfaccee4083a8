# The status always says that a byte waits.
s/terminal\.hasInput ? 0x21 : 0x20/0x21/
