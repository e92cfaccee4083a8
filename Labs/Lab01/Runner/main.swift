import Lab01
import LabKit
import LabTraps

LabRunner.main(instructions: Interpreter.self, traps: TableTraps.self)
