"""`simulate`: labelled patterns from physics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def simulate(
    output: Annotated[Path, typer.Option("--output", "-o", help="CXI file to write.")],
    family: Annotated[
        list[str] | None, typer.Option(help="Particle family, repeatable; all if not given.")
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Number of frames.")] = 1000,
    good_fraction: Annotated[
        float, typer.Option(min=0, max=1, help="Share of single particles.")
    ] = 0.5,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same frames.")] = 0,
    detector: Annotated[str, typer.Option(help="Detector preset.")] = "pnccd-far",
    side: Annotated[int, typer.Option(min=64, max=4096, help="Side of a frame in pixels.")] = 256,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Simulate labelled frames and write them as a CXI file with /labels/class."""
    from tqdm import tqdm

    from spi_viewer.simulation.cxi_file import write_simulated_run
    from spi_viewer.simulation.particles import FAMILIES

    with tqdm(total=frames, unit=" frames", desc="simulating", disable=None) as bar:
        write_simulated_run(
            output,
            family or list(FAMILIES),
            frames,
            seed,
            detector=detector,
            good_fraction=good_fraction,
            side_px=side,
            overwrite=overwrite,
            progress=bar.update,
        )
    typer.echo(f"{output}: {frames} frames")
