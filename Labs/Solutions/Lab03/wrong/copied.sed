# The instance's table is that of classic.
/^instance,\(add\|xor\|slt\|srai\|sltiu\|cas\),/d
s/^instance,setie,.*/instance,setie,privileged control/
s/^instance,getbound,.*/instance,getbound,privileged location/
s/^instance,getclk,.*/instance,getclk,privileged resource/
s/^instance,1,.*/instance,1,holds,/
s/^instance,2,.*/instance,2,holds,/
s/^instance,3,.*/instance,3,holds,/
/"variant":"instance"/d
