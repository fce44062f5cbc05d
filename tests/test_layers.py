"""What import-linter cannot see: what is loaded when the parts are really imported."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import spi_viewer

_REPORT = (
    "import importlib, json, sys\n"
    "for name in sys.argv[1:]:\n"
    "    importlib.import_module(name)\n"
    "print(json.dumps(sorted(sys.modules)))\n"
)
_READING_PARTS = (
    "sources",
    "session",
    "exporting",
    "frames",
    "settings",
    "errors",
    "paths",
    "logs",
)


def _modules() -> list[str]:
    found = pkgutil.walk_packages(spi_viewer.__path__, "spi_viewer.")
    return [module.name for module in found if not module.name.endswith("__main__")]


def _loaded_by(modules: list[str]) -> set[str]:
    command = [sys.executable, "-c", _REPORT, *modules]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(json.loads(ended.stdout))


def test_nothing_outside_the_window_loads_qt() -> None:
    core = [name for name in _modules() if not name.startswith("spi_viewer.gui")]
    assert {"spi_viewer.pipeline", "spi_viewer.cli.classify"} <= set(core)
    assert not {"PyQt5", "pyqtgraph"} & _loaded_by(core)


def test_reading_remembering_and_exporting_load_no_torch() -> None:
    reading = [name for name in _modules() if name.split(".")[1] in _READING_PARTS]
    assert {"spi_viewer.sources.reader_child", "spi_viewer.exporting.cxi"} <= set(reading)
    assert not {"torch", "PyQt5"} & _loaded_by(reading)


def test_the_window_loads_no_torch_before_it_opens() -> None:
    assert "torch" not in _loaded_by(["spi_viewer.gui.app"])


def test_every_package_travels_in_the_wheel():
    root = Path(spi_viewer.__file__).parent
    found = {
        ".".join(("spi_viewer", *init.parent.relative_to(root).parts))
        for init in root.rglob("__init__.py")
    }
    project = tomllib.loads((root.parent / "pyproject.toml").read_text(encoding="utf-8"))
    listed = set(project["tool"]["setuptools"]["packages"])
    assert listed - {"spi_viewer._resources", "spi_viewer._models"} == found
