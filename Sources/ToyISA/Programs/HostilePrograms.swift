internal import MachineCore

extension ToyPrograms {
  /// Supervisors that attack what is beneath them; they end visibly, and the same everywhere.
  static let hostile: [ToyProgram] = [
    ToyProgram(
      "wild-store", "writes outside its storage", .hostile, PackageResources.wild_store_asm,
      console: """
        word behind the end: bounds 00100000
        word over the end: alignment 000ffffe
        byte behind the end: bounds 00100000
        last word: no trap
        word below zero: bounds fffffffc
        middle of the address space: bounds 80000000
        load from behind the end: bounds 00100000
        compare and swap behind the end: bounds 00100000
        PSW over the end: bounds 00100000
        last word through a base: svc 00000000
        word behind the end through a base: bounds 00001000
        word behind the bound: bounds 00010000
        a base that wraps round: bounds 00001438
        bound beyond storage: bounds 00100000
        bound beyond storage, top: bounds fffffff8

        """),
    ToyProgram(
      "forge-psw", "loads impossible PSWs; a user tries every privileged instruction", .hostile,
      PackageResources.forge_psw_asm,
      console: """
        misaligned PSW: alignment 00000002
        odd program counter: alignment 00000102
        flags 00000000 base 00000000 bound fffffffc
        all flags, everything beyond storage: page-fetch 000002bc
        saved flags 00000007
        user: lpsw: privileged 50000554
        user: jrst: privileged 51050000
        user: setie: privileged 52000000
        user: getpsw: privileged 53500000
        user: getbase: privileged 54500000
        user: getbound: privileged 55500000
        user: getclk: privileged 56500000
        user: tlbflush: privileged 57000000
        user: wait: privileged 58000000
        user: in: privileged 5a500011
        user: out to the power port: privileged 5b000030
        saved flags 00000001 base 00000000 bound 00100000

        """),
    ToyProgram(
      "spin", "turns interrupts off and loops for ever", .hostile, PackageResources.spin_asm,
      console: """
        spinning

        """, ending: .limit, limit: 200_000),
    ToyProgram(
      "jump-garbage", "jumps to data, to nowhere, and at last without a trap handler", .hostile,
      PackageResources.jump_garbage_asm,
      console: """
        data: illegal deadbeef
        an instruction with a stray bit: illegal 10123001
        between two instructions: alignment 00000386
        zeros: illegal 00000000
        behind the end: bounds 00100000
        running over the end: bounds 00100000
        the trap area: illegal 00000000
        zeros, without a handler

        """, ending: .checkStop(cause: ToyCause.bounds.rawValue)),
    ToyProgram(
      "trap-storm", "its trap handler traps by its first instruction", .hostile,
      PackageResources.trap_storm_asm,
      console: """
        trap storm

        """, ending: .checkStop(cause: ToyCause.breakpoint.rawValue)),
    ToyProgram(
      "trap-flood", "traps in its trap handler, thousands of times", .hostile,
      PackageResources.trap_flood_asm,
      console: """
        20001 traps

        """),
    ToyProgram(
      "device-abuse", "gives the devices orders that make no sense", .hostile,
      PackageResources.device_abuse_asm,
      console: """
        ports ffffffff ffffffff! 00000000
        sector 00000000 address 000ffe00 command 1 status 2
        sector 00000000 address 000ffe01 command 1 status 3
        sector 00000000 address 00100000 command 1 status 3
        sector 00000000 address ffffffff command 1 status 3
        sector 00000040 address 00008000 command 1 status 3
        sector ffffffff address 00008000 command 2 status 3
        sector 00800000 address 00008000 command 1 status 3
        sector 00000000 address 00008000 command 7 status 3
        sector 00000000 address 00008000 command 0 status 3
        sector 0000003f address 00008001 command 2 status 2
        last byte 50 sectors 64
        interrupts on lines 02
        0 fffffffe
        \(flood)

        """, ending: .powerOff(status: 0x8000_0001)),
    ToyProgram(
      "smc", "changes its own instructions", .hostile, PackageResources.smc_asm,
      console: """
        growing immediate: 2001000
        next instruction: 7
        one byte: 6
        handler: 8
        disk: 9

        """),
    ToyProgram(
      "pt-attack", "attacks through page tables and a stale TLB", .hostile, PackageResources.pt_attack_asm,
      console: """
        frame behind storage, load: page-read 00010000
        frame far behind storage, store: page-write 00011000
        table behind storage: page-read 00400000
        table far behind storage: page-write 00c00000
        directory as a table: page-read 00800000
        page that is not valid: page-read 00016000
        address behind the bound: bounds 01000000
        store to a page for reading: page-write 00014000
        load from a page for writing: page-read 00018000
        jump to a page without execute: page-fetch 00015000
        user on supervisor's pages: page-fetch 00000504
        alias: 00001234
        remembered: 00005678
          frames 00005678 00000000
        flushed: 00009abc
          frames 00005678 00009abc
        write allowed, not flushed: page-write 00014008
        write allowed, flushed: svc 00000001
        page taken away, not flushed: svc 00000001
        page taken away, flushed: page-write 00014008
        entry unused: 00052007
        entry read: 00052027
        entry written: 00052067
        directory entry cleared through the table: svc 00000001
        then flushed: page-fetch 000007b8
        a directory behind storage: page-fetch 000007e8
        the trap area as a directory: page-fetch 0000080c

        """),
    ToyProgram(
      "clock-storm", "a timer that is due all the time", .hostile, PackageResources.clock_storm_asm,
      console: """
        5000 interrupts, turns 1251, places 82e8bb78, time 48753
        10 waits, time 5621

        """),
  ]

  /// What device-abuse floods the console with: the printable characters in turn.
  private static let flood = String((0..<2000).map { Character(Unicode.Scalar(UInt8(33 + $0 % 94))) })

  /// Programs that run the same on bare hardware and under a VMM, but not on the variant that they
  /// are for: there they see that a VMM is beneath them.
  static let probes: [ToyProgram] = [
    ToyProgram(
      "popf-probe", "what becomes of a changed interrupt enable", .probe, PackageResources.popf_probe_asm,
      console: """
        user: setie: privileged 52050000
        saved flags 00000001
        supervisor: flags after setie 00000002
        supervisor: timer interrupt: cause 16

        """, witnesses: .popf),
    ToyProgram(
      "jrst-probe", "in which mode a jump to user mode ends", .probe, PackageResources.jrst_probe_asm,
      console: """
        user: jrst: privileged 51050000
        user by jrst: getclk: privileged 56500000
        saved flags 00000001

        """, witnesses: .jrst),
    ToyProgram(
      "leaky-probe", "what base and bound look like", .probe, PackageResources.leaky_probe_asm,
      console: """
        supervisor: base and bound 00000000 00100000
        user: getbase: privileged 54a00000
        user: getbound: privileged 55b00000
        user: base and bound 00000000 00000000

        """, witnesses: .leaky),
  ]
}
