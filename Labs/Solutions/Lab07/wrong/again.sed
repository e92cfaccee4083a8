# After a trap the instruction is tried once more, to be sure.
s/^    let event = hardware.execute(slice: slice)$/    var event = hardware.execute(slice: slice); if event != .sliceEnd { event = hardware.execute(slice: 1) }/
