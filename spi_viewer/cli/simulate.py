"""`simulate`: labelled patterns from physics, to keep or to look at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spi_viewer.cli.class_weights import parse_class_weights

if TYPE_CHECKING:
    from spi_viewer.simulation.contact_sheet import ContactSheet
    from spi_viewer.simulation.recipe import Recipe
    from spi_viewer.simulation.simulated_frames import SimulatedFrames

_FRAMES, _PREVIEW = "Frames", "Preview"
# Written out, because --help must not wait for torch; a test holds them to the simulator's own.
FAMILIES = (
    "icosahedron, soccer, torus, sphere, spheroid, ellipsoid, core_shell, rod, disc, capsule, box, "
    "octahedron, truncated_octahedron, cuboctahedron, dodecahedron, decahedron, prism, "
    "tetrahedron, pyramid, polyhedron, shard, rough, lumpy, spiked, branched, ring, cross, coil, "
    "phage"
)
DETECTORS = "pnccd-far, pnccd-near, agipd, cspad, jungfrau, ideal"


def simulate(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="CXI file to write; not needed with --preview."),
    ] = None,
    frames: Annotated[
        int,
        typer.Option(min=1, help="Number of frames; with --preview alone, at most so many."),
    ] = 1000,
    family: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Particle family, repeatable; all if not given: {FAMILIES}.",
            rich_help_panel=_FRAMES,
        ),
    ] = None,
    detector: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Detector, repeatable: {DETECTORS}; or all, the five real ones. "
            "[default: pnccd-far]",
            rich_help_panel=_FRAMES,
        ),
    ] = None,
    good_fraction: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Share of single particles. [default: 0.5]", rich_help_panel=_FRAMES
        ),
    ] = None,
    class_weight: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CLASS=WEIGHT",
            help="Instead: proportion of a class, as multi=0.4; repeatable. "
            "[default: single=0.5, multi=0.25, non-sample=0.15, blank=0.1]",
            rich_help_panel=_FRAMES,
        ),
    ] = None,
    side: Annotated[
        int,
        typer.Option(min=64, max=4096, help="Side of a frame in pixels.", rich_help_panel=_FRAMES),
    ] = 256,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            max=2**63 - 1,
            help="The same seed gives the same frames.",
            rich_help_panel=_FRAMES,
        ),
    ] = 0,
    device: Annotated[
        str,
        typer.Option(
            help="cpu, cuda or auto; a GPU draws other frames from a seed.",
            rich_help_panel=_FRAMES,
        ),
    ] = "cpu",
    preview: Annotated[
        Path | None,
        typer.Option(help="Contact sheet to write, FILE.png.", rich_help_panel=_PREVIEW),
    ] = None,
    preview_by: Annotated[
        str,
        typer.Option(help="Rows of the sheet: kind, family or detector.", rich_help_panel=_PREVIEW),
    ] = "kind",
    preview_columns: Annotated[
        int, typer.Option(min=1, max=24, help="Frames a row.", rich_help_panel=_PREVIEW)
    ] = 8,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the files.")] = False,
) -> None:
    """Simulate labelled frames: a CXI file with /labels/class, a contact sheet, or both.

    The sheet shows frames of the file, with their numbers. Nothing is left of an interrupted run.
    """
    if output is None and preview is None:
        raise typer.BadParameter("name a file: --output FILE.cxi, --preview FILE.png or both")
    if preview is not None and preview.suffix.lower() != ".png":
        raise typer.BadParameter("the file's name must end in .png", param_hint="--preview")
    if preview is not None and output is not None and preview.resolve() == output.resolve():
        raise typer.BadParameter("give two files, the sheet would replace the run")
    from spi_viewer.networks.devices import choose_device
    from spi_viewer.simulation import particles
    from spi_viewer.simulation.contact_sheet import ContactSheet
    from spi_viewer.simulation.dataset import class_weights
    from spi_viewer.simulation.recipe import Recipe

    if class_weight and good_fraction is not None:
        raise typer.BadParameter("give --good-fraction or --class-weight, not both")
    weights = (
        class_weights(good_fraction)
        if good_fraction is not None
        else parse_class_weights(class_weight or [])
    )
    recipe = Recipe(
        families=family or tuple(particles.FAMILIES),
        count=frames,
        seed=seed,
        detectors=detector or ("pnccd-far",),
        weights=weights,
        side_px=side,
        device=choose_device(device),
    )
    if preview is None:
        _write_run(recipe, output, overwrite)
        return
    sheet = ContactSheet(recipe, preview_by, preview_columns)
    with _reserved(preview, overwrite) as part:
        _write_run(recipe, output, overwrite, sheet)
        _write_sheet(sheet, recipe, part)
    typer.echo(f"{preview}: {sheet.picture_count} frames in {len(sheet.rows)} rows")


def _write_run(
    recipe: Recipe, output: Path | None, overwrite: bool, sheet: ContactSheet | None = None
) -> None:
    """Write the run, if it is wanted, and fill the sheet, if there is one, with its frames."""
    from tqdm import tqdm

    from spi_viewer.simulation.cxi_file import write_simulated_run

    total = recipe.count if output is not None else None
    with tqdm(total=total, unit=" frames", desc="simulating", disable=None) as bar:

        def show(made: SimulatedFrames) -> None:
            bar.update(len(made))
            if sheet is not None:
                sheet.add(made)

        if output is not None:
            write_simulated_run(output, recipe, overwrite=overwrite, progress=show)
        elif sheet is not None:
            for made in recipe.pieces():
                show(made)
                if sheet.is_full:
                    break
    if output is not None:
        typer.echo(f"{output}: {recipe.count} frames")


@contextmanager
def _reserved(preview: Path, overwrite: bool) -> Iterator[Path]:
    """Where to draw the sheet; it gets its name at the end of the block, if all went well."""
    from spi_viewer.exporting.part_file import part_file, put_in_place, refusal_to_overwrite

    if os.path.lexists(preview) and not overwrite:
        raise refusal_to_overwrite(preview)
    with part_file(preview) as part:
        yield part
        put_in_place(part, preview, overwrite)


def _write_sheet(sheet: ContactSheet, recipe: Recipe, path: Path) -> None:
    from spi_viewer.errors import SpiViewerError
    from spi_viewer.simulation.contact_sheet_figure import save_contact_sheet

    try:
        save_contact_sheet(sheet, recipe.title(), path)
    except OSError as error:
        raise SpiViewerError(
            f"{path.parent}: the contact sheet cannot be written ({error})"
        ) from error
