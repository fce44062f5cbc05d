from dataclasses import replace

import torch

from spi_viewer.simulation.detector import DETECTORS
from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.shadows import draw_shadows

SIDE = 64
REAL = [preset for preset in DETECTORS.values() if preset.nuisances]


def _middle(hidden):
    """1 for each frame (B, S, S) whose centre is hidden, else 0."""
    near = slice(SIDE // 2 - 1, SIDE // 2 + 1)
    return hidden[:, near, near].flatten(1).any(1).float()


def test_nothing_arrives_behind_the_stop_and_the_mask_may_not_know_it():
    frames = 80
    presets = [REAL[i % len(REAL)] for i in range(frames)]
    center = torch.full((frames, 2), (SIDE - 1) / 2.0)
    fringe, binning = torch.full((frames,), 8.0), torch.full((frames,), 16.0)
    shadows = draw_shadows(presets, center, fringe, binning, SIDE, Draw(2))
    hidden = shadows.transmission == 0
    assert _middle(hidden).mean() > 0.9
    assert (~shadows.valid).any()
    # Whatever is masked is hidden; part of what is hidden is not masked.
    assert hidden[~shadows.valid].all()
    assert (hidden & shadows.valid).any()
    assert hidden.float().mean() < 0.35


def test_a_frame_in_four_shows_its_whole_core():
    frames = 400
    without_gap = replace(REAL[0], layout="none")
    center = torch.full((frames, 2), (SIDE - 1) / 2.0)
    fringe, binning = torch.full((frames,), 8.0), torch.full((frames,), 16.0)
    shadows = draw_shadows([without_gap] * frames, center, fringe, binning, SIDE, Draw(3))
    assert 0.18 < 1.0 - _middle(shadows.transmission == 0).mean() < 0.32
