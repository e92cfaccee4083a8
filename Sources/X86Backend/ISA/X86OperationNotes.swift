/// Flags and meaning of an operation, for documentation and for the semantics.
public struct X86OperationNote: Sendable {
  /// Flags that get a defined value.
  public var modified: X86Flags
  /// Flags without a defined value afterwards (for shifts and rotates, under conditions that the effects tell).
  public var undefined: X86Flags
  /// One line.
  public var meaning: String

  /// The note of an operation.
  public static subscript(_ operation: X86Operation) -> X86OperationNote {
    notes[operation] ?? X86OperationNote(modified: [], undefined: [], meaning: "")
  }

  static let notes: [X86Operation: X86OperationNote] = {
    var result: [X86Operation: X86OperationNote] = [:]
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: "|", omittingEmptySubsequences: false).map(trimmed)
      guard fields.count == 4, let operation = X86Operation(rawValue: String(fields[0])) else {
        preconditionFailure("the table of operation notes has a bad line: \(line)")
      }
      result[operation] = X86OperationNote(
        modified: X86Flags(letters: fields[1]), undefined: X86Flags(letters: fields[2]),
        meaning: String(fields[3]))
    }
    return result
  }()

  private static let text = """
    mov | | | Copy the source to the destination
    movzx | | | Copy with zero extension
    movsx | | | Copy with sign extension
    lea | | | Store the effective address
    xchg | | | Exchange the operands
    push | | | Push onto the stack
    pushStack | | | Push the stack pointer, already decremented
    pop | | | Pop from the stack
    pusha | | | Push all eight general registers
    popa | | | Pop all general registers but the stack pointer
    pushf | | | Push the flags
    popf | oszapcd | | Pop the flags; privileged bits only as the privilege level allows
    enter | | | Make a stack frame
    leave | | | Leave a stack frame
    bswap | | | Reverse the bytes
    movbe | | | Copy with reversed bytes
    xlat | | | Look a byte up in a table
    cmov | | | Copy if the condition holds
    set | | | Store 1 if the condition holds, else 0
    lahf | | | Load AH from the flags
    sahf | szapc | | Store AH into the flags
    convertAccumulator | | | Sign-extend the lower half of the accumulator into all of it
    convertDouble | | | Sign-extend the accumulator into the data register
    loadFar | | | Load a far pointer into a segment register and a general register
    salc | | | Set AL to all ones if carry is set, else to zero
    add | oszapc | | Add
    or | oszpc | a | Inclusive or
    adc | oszapc | | Add with carry
    sbb | oszapc | | Subtract with borrow
    and | oszpc | a | Bitwise and
    sub | oszapc | | Subtract
    xor | oszpc | a | Exclusive or
    cmp | oszapc | | Compare: subtract without storing
    test | oszpc | a | Compare bits: and without storing
    inc | oszap | | Add one; the carry stays
    dec | oszap | | Subtract one; the carry stays
    neg | oszapc | | Negate
    not | | | Complement
    mul | oc | szap | Multiply unsigned into double width
    imul | oc | szap | Multiply signed into double width
    imulTruncating | oc | szap | Multiply signed
    div | | oszapc | Divide unsigned double width
    idiv | | oszapc | Divide signed double width
    daa | szapc | o | Decimal adjust after addition
    das | szapc | o | Decimal adjust after subtraction
    aaa | ac | oszp | ASCII adjust after addition
    aas | ac | oszp | ASCII adjust after subtraction
    aam | szp | oac | ASCII adjust after multiplication
    aad | szp | oac | ASCII adjust before division
    rol | oc | o | Rotate left
    ror | oc | o | Rotate right
    rcl | oc | o | Rotate left through carry
    rcr | oc | o | Rotate right through carry
    shl | oszpc | oac | Shift left
    shr | oszpc | oac | Shift right, filling with zeros
    sar | oszpc | oa | Shift right, filling with the sign
    shld | oszpc | oszapc | Shift left, filling from the source
    shrd | oszpc | oszapc | Shift right, filling from the source
    setmo | oszapc | | Set all bits of the operand
    bt | c | osap | Test a bit
    bts | c | osap | Test and set a bit
    btr | c | osap | Test and reset a bit
    btc | c | osap | Test and complement a bit
    bsf | z | osapc | Find the lowest one bit
    bsr | z | osapc | Find the highest one bit
    popcnt | oszapc | | Count one bits
    tzcnt | zc | osap | Count trailing zero bits
    lzcnt | zc | osap | Count leading zero bits
    crc32 | | | Add the operand to a CRC-32C checksum
    xadd | oszapc | | Exchange and add
    cmpxchg | oszapc | | Compare with the accumulator and exchange
    cmpxchg8b | z | | Compare double width and exchange
    jcc | | | Jump if the condition holds
    jmp | | | Jump
    call | | | Call
    ret | | | Return
    loop | | | Decrement the counter and jump if not zero
    loope | | | Decrement the counter and jump if not zero and equal
    loopne | | | Decrement the counter and jump if not zero and not equal
    jcxz | | | Jump if the counter is zero
    jmpFar | | | Jump to another code segment
    callFar | | | Call another code segment
    retFar | | | Return to another code segment
    iret | oszapcdi | | Return from an interrupt
    int | i | | Software interrupt
    int1 | i | | Debug trap (ICEBP)
    int3 | i | | Breakpoint
    into | i | | Interrupt on overflow
    bound | | | Check an array index against two bounds
    movs | | | Move a string element
    stos | | | Store a string element
    lods | | | Load a string element
    scas | oszapc | | Compare the accumulator with a string element
    cmps | oszapc | | Compare string elements
    ins | | | Input a string element
    outs | | | Output a string element
    clc | c | | Clear carry
    stc | c | | Set carry
    cmc | c | | Complement carry
    cld | d | | Strings go up
    std | d | | Strings go down
    cli | i | | Disable interrupts
    sti | i | | Enable interrupts
    nop | | | Do nothing
    in | | | Read a port
    out | | | Write a port
    hlt | | | Wait for an interrupt
    ud | | | Undefined on purpose
    movFromControl | | oszapc | Read a control register
    movToControl | | oszapc | Write a control register
    lgdt | | | Load the global descriptor table register
    lidt | | | Load the interrupt descriptor table register
    sgdt | | | Store the global descriptor table register
    sidt | | | Store the interrupt descriptor table register
    smsw | | | Store the machine status word
    lmsw | | | Load the machine status word
    clts | | | Clear the task-switched flag
    invlpg | | | Drop a page's translation
    wbinvd | | | Flush caches
    movFromSegment | | | Read a segment register
    movToSegment | | | Load a segment register
    pushSegment | | | Push a segment register
    popSegment | | | Pop a segment register
    ldt | | | Load the local descriptor table register
    tr | | | Load the task register
    storeTable | | | Store the local descriptor table or task selector
    arpl | z | | Raise the privilege level of a selector to that of another
    lar | z | | Load the access rights of a selector's descriptor
    lsl | z | | Load the limit of a selector's descriptor
    verr | z | | Tell whether a segment can be read
    verw | z | | Tell whether a segment can be written
    syscall | oszapcdi | | Fast call to the system
    sysret | oszapcdi | | Return from a fast call
    sysenter | i | | Fast call to the system by way of model-specific registers
    sysexit | | | Return from a fast call to privilege level 3
    swapgs | | | Exchange the GS base with its shadow
    rdmsr | | | Read a model-specific register
    wrmsr | | | Write a model-specific register
    cpuid | | | Identify the processor
    rdtsc | | | Read the time stamp counter
    rdtscp | | | Read the time stamp counter and the processor's number
    rdpmc | | | Read a performance counter
    movFromDebug | | oszapc | Read a debug register
    movToDebug | | oszapc | Write a debug register
    clflush | | | Write a line of the cache back
    fwait | | | Wait for the coprocessor
    fninit | | | Initialize the coprocessor, if there is one
    tooLong | | | An instruction of more than fifteen bytes
    """
}
