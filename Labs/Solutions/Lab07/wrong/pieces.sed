# A level has a slice of its own, and enters the hardware again and again.
s/^    let event = hardware.execute(slice: slice)$/    var event = Arrival.sliceEnd; while event == .sliceEnd, hardware.executed \&- before < slice { event = hardware.execute(slice: min(20, slice - (hardware.executed \&- before))) }/
