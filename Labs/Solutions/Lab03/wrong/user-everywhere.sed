# Takes what is control-sensitive in supervisor mode for sensitive in user mode, too.
s/^\(popf,setie\|jrst,jrst\|instance,xor\),control$/&  user/
s/^popf,3,holds,/popf,3,fails,setie/
s/^jrst,3,holds,/jrst,3,fails,jrst/
s/^instance,3,fails,/&xor /
