# The VMM's cycles divided by the bare machine's, and its slowdown without the guest itself.
s/"share": .*/"share": 11.47,/
s/"slowdown": 3.5883/"slowdown": 2.5883/
