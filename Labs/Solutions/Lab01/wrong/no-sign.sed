# lh and lb forget the sign.
s/case 0x31: .*/case 0x31: cpu[code.a] = try load(code, 2, cpu)/
s/case 0x33: .*/case 0x33: cpu[code.a] = try load(code, 1, cpu)/
