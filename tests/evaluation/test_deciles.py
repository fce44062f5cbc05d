from __future__ import annotations

import numpy as np
import pytest

from spi_viewer.evaluation.deciles import fringes_part, photons_part
from spi_viewer.evaluation.drawing import Palette
from spi_viewer.evaluation.frame_sets import SimulatedSet
from spi_viewer.frames import FrameClass
from spi_viewer.networks.intervals import Estimate


def shares(part, column: str) -> list[float]:
    (table,) = part.tables
    cells = [row[list(table.columns).index(column)] for row in table.rows]
    return [cell.value if isinstance(cell, Estimate) else cell for cell in cells]


def test_finest_fringes_lost_are_the_last_deciles(answers) -> None:
    fringes = np.linspace(5, 40, 400)
    frame_class = np.arange(400) % 2  # single, multi
    p_good = np.where((frame_class == 0) & (fringes < 33), 0.9, 0.1)
    part = fringes_part([answers(p_good, frame_class, fringes=fringes)], Palette(["toy"]))
    assert shares(part, "good called bad") == [0] * 8 + [1] * 2
    assert shares(part, "bad called good") == [0] * 10
    assert shares(part, "fringes from")[0] == pytest.approx(5)
    assert shares(part, "fringes to")[-1] == pytest.approx(40)
    assert shares(part, "good") == [20] * 10


def test_dim_hits_and_what_is_no_particle_have_no_part_in_it(answers) -> None:
    frames = answers(
        [0.9, 0.1, 0.9, 0.9],
        [FrameClass.SINGLE, FrameClass.SINGLE, FrameClass.NON_SAMPLE, FrameClass.BLANK],
        photons=[1e5, 100.0, 1e5, 0.0],
        fringes=[20.0, 20.0, 0.0, 0.0],
    )
    part = fringes_part([frames], Palette(["toy"]))
    assert shares(part, "good") == [1]
    assert shares(part, "good called bad") == [0]


def test_few_photons_lost_are_the_first_deciles(answers) -> None:
    photons = np.geomspace(100, 1e6, 100)
    p_good = np.where(photons > 1000, 0.9, 0.1)
    part = photons_part([answers(p_good, [0] * 100, photons)], Palette(["toy"]))
    lost = shares(part, "good called bad")
    assert lost[:2] == [1, 1]
    assert lost[3:] == [0] * 7


def test_frames_of_unknown_size_make_no_rows(answers) -> None:
    assert not fringes_part([answers([0.9, 0.1], [0, 1])], Palette(["toy"])).tables[0].rows


def test_simulated_frames_know_their_fringes() -> None:
    batch = next(SimulatedSet(("sphere",), 128, seed=4).batches())
    is_hit = batch.frames.frame_class.numpy() <= FrameClass.MULTI
    assert ((batch.fringes > 0) == is_hit).all()
    assert 4.4 < batch.fringes[is_hit].min() < 8
    assert 30 < batch.fringes[is_hit].max() < 40.1
