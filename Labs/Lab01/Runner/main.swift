import Lab01
import LabKit

LabRunner.main(instructions: Interpreter.self)
