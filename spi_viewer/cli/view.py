"""`view` and `demo`: the window."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_MODEL = typer.Option(help="Bundled model or model folder; the remembered one if not given.")
_SESSION = typer.Option(
    help="Folder of the session to go on with; a new one in the user's data folder if not given."
)


def view(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Run files, or directories of them.")
    ] = None,
    watch: Annotated[
        list[Path] | None, typer.Option(help="Directory in which run files appear and grow.")
    ] = None,
    model: Annotated[str | None, _MODEL] = None,
    session: Annotated[Path | None, _SESSION] = None,
) -> None:
    """Open runs in the window, or watch a directory live."""
    _run(paths or [], watch or [], model, session)


def demo(
    frames_per_second: Annotated[
        float, typer.Option("--rate", min=0.1, max=1000, help="Frames per second.")
    ] = 10.0,
    model: Annotated[str | None, _MODEL] = None,
) -> None:
    """Replay the bundled run as a file that grows, judged live."""
    _run([], [], model, None, demo_frames_per_s=frames_per_second)


def _run(
    paths: list[Path],
    watch: list[Path],
    model: str | None,
    session: Path | None,
    demo_frames_per_s: float | None = None,
) -> None:
    from spi_viewer.gui.display_check import missing_display

    trouble = missing_display()
    if trouble is not None:
        typer.echo(f"spi-viewer: {trouble}", err=True)
        raise typer.Exit(1)
    from spi_viewer.gui.app import run_viewer

    code = run_viewer(
        paths=paths,
        watch=watch,
        model=model,
        session_path=session,
        demo_frames_per_s=demo_frames_per_s,
    )
    raise typer.Exit(code)
