# Only what one operation does was thought of, not the program's beginning and end.
s/^\(    \["[a-z0-9]*", "[a-z0-9]*", "[a-z]*", [0-9]*\), [0-9]*\],/\1, 0],/
