"""The operator's crop as users write it: 512.5,498,7."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from spi_viewer.frames import Crop

_SMALLEST_SCALE = 1e-3  # the frame would be less than a pixel of the network's


def parse_crop(text: str) -> Crop:
    """'x,y,scale', as the window's frame info shows it, in detector pixels.

    Raises:
        typer.BadParameter: something else than three numbers, no square that could be cut, or a
            scale of parts of pixels.
    """
    from spi_viewer.frames import Crop

    try:
        x, y, scale = (float(part) for part in text.split(","))
    except ValueError:
        raise _not_understood(text) from None
    if not (math.isfinite(x) and math.isfinite(y) and _SMALLEST_SCALE <= scale < math.inf):
        raise _not_understood(text)
    if scale > 1 and scale != round(scale):
        raise typer.BadParameter(
            f"{text!r}: pixels are summed whole, so from 1 on the scale is a whole number",
            param_hint="--crop",
        )
    return Crop(center_y_px=y, center_x_px=x, scale=scale)


def _not_understood(text: str) -> typer.BadParameter:
    return typer.BadParameter(
        f"{text!r} is not x,y,scale: centre in detector pixels, and how many of them make a pixel "
        "of the network",
        param_hint="--crop",
    )


CropOption = Annotated[
    Any,  # Crop | None, which typer cannot take as a type
    typer.Option(
        "--crop",
        parser=parse_crop,
        metavar="X,Y,SCALE",
        help="Beam centre in detector pixels, and how many of them make a pixel of the network, "
        "as frame info shows them; found automatically if not given.",
    ),
]
