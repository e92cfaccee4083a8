; BEGIN SOLUTION
# A guest that never gives the processor back does not keep it.
#
# machine: vmm
# limit: 60000
# expect stop limit
# expect stretch <= 50000

_start: addi    r1, r1, 1
        j       _start
; END SOLUTION
