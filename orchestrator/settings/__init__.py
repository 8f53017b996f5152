"""The daemon's own configuration: the model (`model.py`), where its values come from (`sources.py`), reading it (`reading.py`).

Not allowed here: opening anything but the settings file; being imported below the daemon's floor.
"""

from orchestrator.settings.model import Settings
from orchestrator.settings.reading import read_settings

__all__ = ["Settings", "read_settings"]
