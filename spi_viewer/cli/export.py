"""`export`: the good frames of a run, as a scores file has them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from spi_viewer.errors import ExportError


def export(
    run: Annotated[Path, typer.Argument(help="Run file, or the folder that was classified.")],
    scores: Annotated[Path, typer.Option(help="CSV file that `classify` wrote.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="CXI file to write.")],
    threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Good from this P(single) on; the CSV's verdicts if not."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier export of that name.")
    ] = False,
) -> None:
    """Write the good frames to a CXI file: bit for bit, verified, then given its name."""
    if os.path.lexists(output) and not overwrite:
        raise ExportError(f"{output}: exists already; choose another name or give --overwrite")

    from tqdm import tqdm

    from spi_viewer.export_run import export_scored

    with tqdm(desc="exporting", unit=" steps", disable=None) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        report = export_scored(
            run, scores, output, threshold=threshold, overwrite=overwrite, progress=show
        )
    typer.echo(report.summary)
