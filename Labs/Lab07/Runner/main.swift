import Lab07
import LabHardware
import LabMonitor

MonitorRunner.main(monitor: GivenMonitor.self, level: Level.self)
