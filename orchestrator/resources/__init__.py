"""Readings of the machine: cores, memory, disk, load. Says how much there is and how much is free, never who goes next.

Not allowed here: the store, the engine. psutil lives only here.
"""

from orchestrator.resources.machine import Machine, Readings, cores, memory_total_bytes
from orchestrator.resources.probe import MachineProbe, Probe

__all__ = ["Machine", "MachineProbe", "Probe", "Readings", "cores", "memory_total_bytes"]
