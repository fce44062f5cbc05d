"""Whether a window can be shown at all; Qt ends the process with a core dump where it cannot."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Mapping

# What Qt's xcb platform plugin loads, and the Debian package that holds it.
_XCB_LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xinerama.so.0": "libxcb-xinerama0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}
# GLib is needed by QtCore itself, on any platform.
_CORE_LIBRARIES = {"libglib-2.0.so.0": "libglib2.0-0", "libgthread-2.0.so.0": "libglib2.0-0"}
_WITHOUT_WINDOW = "Without a window, 'spi-viewer classify' judges runs and writes a table."


def missing_display(
    environment: Mapping[str, str] = os.environ,
    platform: str = sys.platform,
    is_loadable: Callable[[str], bool] | None = None,
    is_reachable: Callable[[str], bool] | None = None,
) -> str | None:
    """What is wrong and the way out, as a text for the user; None if a window can be shown.

    Args:
        environment: the process's, for DISPLAY, WAYLAND_DISPLAY and QT_QPA_PLATFORM.
        platform: as in sys.platform.
        is_loadable: whether a shared library can be loaded.
        is_reachable: whether an X display answers.
    """
    if not platform.startswith("linux"):
        return None
    is_loadable = is_loadable or _is_loadable
    is_reachable = is_reachable or _is_reachable
    chosen = environment.get("QT_QPA_PLATFORM", "").split(":")[0].split(";")[0]
    needed = dict(_CORE_LIBRARIES)
    if chosen in ("", "xcb"):
        needed |= _XCB_LIBRARIES
    packages = sorted({name for library, name in needed.items() if not is_loadable(library)})
    texts = []
    if chosen in ("", "xcb", "wayland") and not _has_display(environment):
        texts.append(
            "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set). "
            "Log in with a desktop or 'ssh -X', or run it under 'xvfb-run' (Debian package xvfb)."
        )
    elif chosen in ("", "xcb") and not packages and environment.get("DISPLAY"):
        display = environment["DISPLAY"]
        if not environment.get("WAYLAND_DISPLAY") and not is_reachable(display):
            texts.append(f"the display {display} (from DISPLAY) does not answer.")
    if packages:
        names = " ".join(packages)
        texts.append(
            "libraries that the window needs are missing. "
            f"On Debian and Ubuntu: sudo apt install {names}"
        )
    return "\n".join([*texts, _WITHOUT_WINDOW]) if texts else None


def _has_display(environment: Mapping[str, str]) -> bool:
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def _is_loadable(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _is_reachable(display: str) -> bool:
    """Whether an X server answers there; Qt would end the process if not."""
    xcb = ctypes.CDLL("libxcb.so.1")
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(display.encode(), None)
    failed = bool(xcb.xcb_connection_has_error(connection))
    xcb.xcb_disconnect(connection)
    return not failed
