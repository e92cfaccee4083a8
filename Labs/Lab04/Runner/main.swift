import Lab04
import LabHardware

MonitorRunner.main(monitor: Monitor.self)
