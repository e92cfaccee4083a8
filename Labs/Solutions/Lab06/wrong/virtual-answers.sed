# The guest is thought to see its virtual base, and the relocated one to be a supervisor's affair.
s/^value,0xf000$/value,0x8000/
s/^variants,3$/variants,4/
