"""One rotating log file in the platform's log folder."""

from __future__ import annotations

import logging
import logging.handlers
from pathlib import Path

from spi_viewer import paths

_FORMAT = "%(asctime)s %(levelname)s %(processName)s %(name)s: %(message)s"
_MAX_BYTES = 2_000_000


def start_logging(level: int = logging.INFO) -> Path:
    """Log this process into the rotating file and return its path."""
    path = paths.user_log_dir() / "spi-viewer.log"
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=_MAX_BYTES, backupCount=3)
    handler.setFormatter(logging.Formatter(_FORMAT))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level)
    return path
