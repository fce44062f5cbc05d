"""Where things live: bundled resources and models, and the user's own folders."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import platformdirs

DEFAULT_MODEL = "best"  # a bundled one, for who asks for no other
_APP_NAME = "spi-viewer"
_REPOSITORY = Path(__file__).resolve().parent.parent


def _bundled(package: str, checkout_folder: str) -> Path:
    """Folder in the checkout for an editable install, else inside the installed package."""
    in_checkout = _REPOSITORY / checkout_folder
    if (_REPOSITORY / "pyproject.toml").is_file() and in_checkout.is_dir():
        return in_checkout
    return Path(str(files("spi_viewer"))) / package


def resources_dir() -> Path:
    """Icons, guide and demo run."""
    return _bundled("_resources", "resources")


def models_dir() -> Path:
    """Bundled models, one folder each."""
    return _bundled("_models", "models")


def demo_run() -> Path:
    """The bundled demo run."""
    return resources_dir() / "demo_run.cxi"


def user_data_dir() -> Path:
    """The user's sessions and labels; made on first use."""
    return Path(platformdirs.user_data_dir(_APP_NAME, appauthor=False, ensure_exists=True))


def user_config_dir() -> Path:
    """The user's settings; made on first use."""
    return Path(platformdirs.user_config_dir(_APP_NAME, appauthor=False, ensure_exists=True))


def user_cache_dir() -> Path:
    """What can be had again, such as downloaded weights; made on first use."""
    return Path(platformdirs.user_cache_dir(_APP_NAME, appauthor=False, ensure_exists=True))


def user_log_dir() -> Path:
    """Log files; made on first use."""
    return Path(platformdirs.user_log_dir(_APP_NAME, appauthor=False, ensure_exists=True))
