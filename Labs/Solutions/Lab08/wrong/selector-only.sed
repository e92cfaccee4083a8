# In real mode the selectors are set, and the hidden bases forgotten: CS still begins at 0xFFFF0000.
/case .real:/,/case .protected:/s/system\[keyPath: segment\]\.base = 0//
