"""Paths that were opened lately, newest first, in one small JSON file."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

from spi_viewer import paths

_log = logging.getLogger(__name__)

_MAX_RECENT = 10


def recent_path() -> Path:
    """The file that remembers."""
    return paths.user_config_dir() / "recent.json"


def load_recent() -> list[str]:
    """The remembered paths; none if the file is missing or broken."""
    try:
        stored = json.loads(recent_path().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        _log.warning("recent files not readable: %s", error)
        return []
    entries = stored if isinstance(stored, list) else []
    return [entry for entry in entries if isinstance(entry, str)][:_MAX_RECENT]


def remember(path: str) -> list[str]:
    """Put a path first and return the new list; a full disk loses only this comfort."""
    recent = [path, *(entry for entry in load_recent() if entry != path)][:_MAX_RECENT]
    aside = recent_path().with_suffix(".part")
    try:
        aside.write_text(json.dumps(recent, indent=1), encoding="utf-8")
        os.replace(aside, recent_path())
    except OSError as error:
        _log.warning("recent files not written: %s", error)
    return recent
