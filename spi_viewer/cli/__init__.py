"""The commands; `view` is the one that needs no name.

Each command imports what it needs when it runs, so that `--help` answers at once.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated, NoReturn

import typer

from spi_viewer import __version__
from spi_viewer.cli.classify import classify
from spi_viewer.cli.evaluate import evaluate
from spi_viewer.cli.export import export
from spi_viewer.cli.messages import show_error
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
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["--help", "-h"]},
)
_INTERRUPTED = 128 + signal.SIGINT  # what typer exits with
_COMMANDS = {
    command.__name__: command
    for command in (view, demo, classify, export, simulate, train, evaluate)
}
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
    first = arguments[0] if arguments else ""
    if first in _COMMANDS or first in ("--help", "-h", "--version") or _is_misspelt(first):
        return arguments
    return ["view", *arguments]


def _is_misspelt(first: str) -> bool:
    """True for what looks like a command and is none: better named than opened as a file."""
    return first.isidentifier() and not os.path.lexists(first)


def main() -> None:
    """Run the command line; exit 0 done, 1 something was refused, 2 wrong usage, 130 interrupted.

    Errors that speak to the user take one line.
    """
    arguments = with_default_command(sys.argv[1:])
    if arguments[0] not in ("view", "demo"):  # the window has its own way to end
        signal.signal(signal.SIGTERM, _end)
    try:
        app(arguments, prog_name="spi-viewer")
    except SpiViewerError as error:
        show_error(str(error))
        sys.exit(1)
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            show_error("interrupted")
        raise


def _end(signal_number: int, _frame: object) -> NoReturn:
    """Leave through every `finally`, so that no half-written file and no child stays behind."""
    sys.exit(128 + signal_number)
