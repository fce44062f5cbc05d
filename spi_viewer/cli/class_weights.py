"""Proportions of the classes as users write them: multi=0.4."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from spi_viewer.frames import FrameClass


def parse_class_weights(texts: Sequence[str]) -> Mapping[FrameClass, float]:
    """The simulator's proportions with some of them replaced.

    Raises:
        typer.BadParameter: something else than a class, an equals sign and a number from 0.
    """
    from spi_viewer.frames import FrameClass
    from spi_viewer.simulation.dataset import DEFAULT_WEIGHTS

    known = {one.label: one for one in FrameClass}
    weights = dict(DEFAULT_WEIGHTS)
    for text in texts:
        name, _, number = text.partition("=")
        try:
            weight = float(number)
            weights[known[name]] = weight
        except (KeyError, ValueError):
            raise _not_understood(text, known) from None
        if not math.isfinite(weight) or weight < 0:
            raise _not_understood(text, known)
    return weights


def _not_understood(text: str, known: Mapping[str, FrameClass]) -> typer.BadParameter:
    return typer.BadParameter(
        f"{text!r} is not a class and its weight; write one of {', '.join(known)}, "
        "an equals sign and a number from 0",
        param_hint="--class-weight",
    )
