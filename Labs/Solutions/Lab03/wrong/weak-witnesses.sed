# The states of pairs differ in a register, too; what control-sensitive instructions leave is not worked out.
/"axis":"\(base\|bound\|time\)"/s/\("second":.*"r1":\)"0x0"/\1"0x1"/
/"shows":"control in supervisor mode"/s/\("second":.*"pc":\)"0x4"/\1"0x0"/
