"""What the user chose and wants to find again: one small JSON file, written aside and renamed."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from spi_viewer import paths

_log = logging.getLogger(__name__)


@dataclass
class Settings:
    """Remembered choices; unknown or broken entries in the file fall back to these defaults."""

    theme: str = "dark"
    colour_map: str = "viridis"
    intensity_scale: str = "log"
    show_mask: bool = True
    show_crop: bool = True
    show_centre: bool = False
    show_rings: bool = True
    show_activation: bool = False
    activation_opacity: float = 0.5
    thumbnail_size_px: int = 96
    embedding_plane: str = "principal"  # or another of feature_planes.PLANES
    last_directory: str = ""
    model: str = paths.DEFAULT_MODEL
    read_timeout_s: float = 30.0
    window_geometry: str = ""  # Qt's saveGeometry, base64
    window_layout: str = ""  # Qt's saveState, base64


def settings_path() -> Path:
    """The settings file."""
    return paths.user_config_dir() / "settings.json"


def load_settings(path: Path | None = None) -> Settings:
    """Read the settings; a missing or unreadable file gives the defaults."""
    path = path or settings_path()
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        _log.warning("settings %s not readable (%s); using the defaults", path, error)
        return Settings()
    settings = Settings()
    for entry in fields(Settings):
        value = stored.get(entry.name) if isinstance(stored, dict) else None
        default = getattr(settings, entry.name)
        if isinstance(value, type(default)):
            setattr(settings, entry.name, value)
    return settings


def save_settings(settings: Settings, path: Path | None = None) -> None:
    """Write the settings aside, then rename: a crash leaves the old file whole."""
    path = path or settings_path()
    aside = path.with_suffix(".part")
    aside.write_text(json.dumps(asdict(settings), indent=2), encoding="utf-8")
    os.replace(aside, path)
