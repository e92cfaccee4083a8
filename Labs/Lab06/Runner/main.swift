import Lab06
import LabHardware
import LabMonitor

MonitorRunner.main(monitor: GivenMonitor.self, hybrid: Hybrid.self)
