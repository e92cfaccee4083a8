import Lab02
import LabInstructions
import LabKit

LabRunner.main(instructions: TableInstructions.self, traps: Traps.self)
