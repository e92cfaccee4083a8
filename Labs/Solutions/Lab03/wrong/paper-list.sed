# Stops at Robin and Irvine's list, and at the base: by the letter of the paper the bound is not relocated.
/^\(sensitive\|only-32\),\(INT1\|INT3\|INTO\|IRET\|L[DEFGS]S\|RDTSCP\{0,1\}\)$/d
s/^left,.*/left,13/
s/getbound,privileged location/getbound,privileged/
s/getbound,location user//
s/getbase getbound/getbase/
/"instruction":"getbound r3"/d
