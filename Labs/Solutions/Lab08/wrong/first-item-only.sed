# Only the first item of a string instruction is handled.
s/for item in 0\.\.<Int(io\.count)/for item in 0..<min(1, Int(io.count))/
