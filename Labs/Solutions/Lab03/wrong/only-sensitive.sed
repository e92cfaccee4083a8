# Leaves out what is privileged without being sensitive, and what is sensitive by the mode alone.
/^instance,\(srai\|cas\|getclk\),privileged$/d
/^instance,slt,mode$/d
s/^\(instance,getbound,\)mode /\1/
s/^\(instance,1,fails,.*\) slt /\1 /
/"shows":"mode"/d
