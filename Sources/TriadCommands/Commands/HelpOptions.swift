import MachineCore
import ToyISA

// Options that several commands share, each written once.

let onOption = OptionSpecification("--on", "ENGINE", "simulator, emulator or virtualizer (default emulator)")
let variantOption = OptionSpecification(
  "--variant", "V", "toy ISA variant: " + ToyVariant.allCases.map(\.rawValue).joined(separator: ", "))
let vmmOption = OptionSpecification(
  "--vmm", "KIND", "plain (trap-and-emulate, Theorem 1) or hybrid (Theorem 3); toy virtualizers only")

let depthOption = OptionSpecification(
  "--depth", "N", "VMMs on top of each other, 1 to 4 (virtualizer, toy ISA)")
let limitOption = OptionSpecification("--max-instructions", "N", "stop after N retired instructions")
let hostSecondsOption = OptionSpecification(
  "--host-seconds", "S", "bound on host time, for engines that cannot count instructions (KVM)")
let inputOption = OptionSpecification("--input", "FILE", "what the console receives")
let jsonOption = OptionSpecification("--json", "result as JSON on standard output")
/// Refuses the host's clock where runs are to be alike.
func refuseFreeTime(_ arguments: ParsedArguments) throws {
  if arguments.value("--time") == "free" {
    throw CommandFailure.usage("--time free is for `triad run`: no two such runs are alike")
  }
}

let machineOptions = [
  variantOption, inputOption,
  OptionSpecification("--disk", "FILE", "contents of the disk of a toy machine or a full PC"),
  OptionSpecification("--memory", "BYTES", "size of guest storage, a multiple of 4096 (or 32M, 1G)"),
  OptionSpecification("--define", "NAME=N", "constant for the toy assembler", repeats: true),
  OptionSpecification("--isa", "ISA", "toy or x86, when it cannot be seen from the file"),
  OptionSpecification("--mode", "BITS", "16, 32 or 64: mode an x86 machine starts in"),
  OptionSpecification(
    "--cpu", "MODEL", "an x86 machine's processor: 8086, 286, 386 or x86-64 (default x86-64)"),
  OptionSpecification("--load-address", "ADDRESS", "where a flat x86 file goes"),
  OptionSpecification(
    "--time", "KIND",
    "instructions (default; KVM has none); shared: it passes at device accesses and waits; free: KVM by the host's clock"
  ),
  OptionSpecification("--machine", "KIND", "small (default) or pc: the PC around an x86 processor"),
  OptionSpecification(
    "--rom", "FILE[@ADDRESS]", "read-only memory of a full PC; without an address firmware, run from reset",
    repeats: true),
  OptionSpecification("--floppy", "FILE", "contents of a full PC's floppy disk"),
  OptionSpecification("--keys", "TEXT", "what is typed on a full PC's keyboard (\\n is Enter, \\e Escape)"),
  OptionSpecification("--append", "TEXT", "command line of a Multiboot or Linux kernel"),
  OptionSpecification(
    "--module", "FILE", "module for a Multiboot kernel; initial file system of a Linux kernel", repeats: true),
]
let programArgument = ArgumentSpecification(
  name: "PROGRAM", help: "built-in name, toy source (.asm, .s) or image, x86 ELF or flat file", count: 1...1)
let optionalProgramArgument = ArgumentSpecification(
  name: "PROGRAM", help: programArgument.help + "; none with --rom", count: 0...1)
