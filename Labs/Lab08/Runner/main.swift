import Lab08
import LabKVM

KVMRunner.main(VMM.self)
