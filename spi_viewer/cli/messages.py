"""What the commands tell the user on stderr."""

from __future__ import annotations

import sys


def show_error(text: str) -> None:
    """One line on stderr, above a progress bar if there is one."""
    from tqdm import tqdm

    tqdm.write(f"spi-viewer: {' '.join(text.split())}", file=sys.stderr)
