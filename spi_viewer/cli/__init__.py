"""The commands; `view` is the one that needs no name.

Each command imports what it needs when it runs, so that `--help` answers at once.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from spi_viewer import __version__
from spi_viewer.cli.classify import classify
from spi_viewer.cli.export import export
from spi_viewer.cli.simulate import simulate
from spi_viewer.cli.train import train
from spi_viewer.cli.view import demo, view
from spi_viewer.errors import SpiViewerError

app = typer.Typer(
    name="spi-viewer",
    help="Judge single-particle-imaging diffraction patterns while the run is going on.",
    add_completion=False,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
)
_COMMANDS = {command.__name__: command for command in (view, demo, classify, export, simulate, train)}
for _name, _command in _COMMANDS.items():
    app.command(_name)(_command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"spi-viewer {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Judge single-particle-imaging diffraction patterns while the run is going on.

    Without a command, PATHS are opened in the window: `spi-viewer run.cxi`.
    """


def with_default_command(arguments: list[str]) -> list[str]:
    """`arguments` with `view` put first where no command is named."""
    if arguments and (arguments[0] in _COMMANDS or arguments[0] in ("--help", "--version")):
        return arguments
    return ["view", *arguments]


def main() -> None:
    """Run the command line; exit 0 done, 1 something was refused, 2 wrong usage."""
    try:
        app(with_default_command(sys.argv[1:]), prog_name="spi-viewer")
    except SpiViewerError as error:
        typer.echo(f"spi-viewer: {error}", err=True)
        sys.exit(1)
