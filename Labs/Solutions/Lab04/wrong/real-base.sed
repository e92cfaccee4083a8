# getbase and getbound tell where the guest really is.
s/case 0x54: machine\[a\] = machine.psw.base/case 0x54: machine[a] = machine.region.start \&+ machine.psw.base/
s/case 0x55: machine\[a\] = machine.psw.bound/case 0x55: machine[a] = machine.region.size/
