"""The daemon's own configuration: the model (`model.py`), where its values come from (`sources.py`), reading it (`reading.py`); the lanes (`lanes.py`).

Not allowed here: opening anything but the settings file and the table of lanes; being imported below the daemon's floor.
"""

from orchestrator.settings.lanes import LaneSetting, read_lanes
from orchestrator.settings.model import Settings
from orchestrator.settings.reading import read_settings

__all__ = ["LaneSetting", "Settings", "read_lanes", "read_settings"]
