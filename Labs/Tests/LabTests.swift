import Testing

// The visible exercises of each lab, as students run them: `swift test --filter Lab01`. What they are comes from
// `lab.json`; a new lab needs one suite here, which `triad labs create` adds.

@Suite(.lab("Lab01"), .serialized) struct Lab01 {
  @Test(arguments: visible("Lab01")) func test(_ it: LabTest) { it.run() }
}
@Suite(.lab("Lab02"), .serialized) struct Lab02 {
  @Test(arguments: visible("Lab02")) func test(_ it: LabTest) { it.run() }
}
@Suite(.lab("Lab03"), .serialized) struct Lab03 {
  @Test(arguments: visible("Lab03")) func test(_ it: LabTest) { it.run() }
}
@Suite(.lab("Lab04"), .serialized) struct Lab04 {
  @Test(arguments: visible("Lab04")) func test(_ it: LabTest) { it.run() }
}
@Suite(.lab("Lab05"), .serialized) struct Lab05 {
  @Test(arguments: visible("Lab05")) func test(_ it: LabTest) { it.run() }
}
@Suite(.lab("Lab06"), .serialized) struct Lab06 {
  @Test(arguments: visible("Lab06")) func test(_ it: LabTest) { it.run() }
}
@Suite(.lab("Lab07"), .serialized) struct Lab07 {
  @Test(arguments: visible("Lab07")) func test(_ it: LabTest) { it.run() }
}
@Suite(.lab("Lab08"), .serialized) struct Lab08 {
  @Test(arguments: visible("Lab08")) func test(_ it: LabTest) { it.run() }
}
@Suite(.lab("Lab09"), .serialized) struct Lab09 {
  @Test(arguments: visible("Lab09")) func test(_ it: LabTest) { it.run() }
}
@Suite(.lab("Lab10"), .serialized) struct Lab10 {
  @Test(arguments: visible("Lab10")) func test(_ it: LabTest) { it.run() }
}
