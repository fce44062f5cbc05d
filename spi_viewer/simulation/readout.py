"""From the light on a detector to its counts: photons, charge, electronics."""

from __future__ import annotations

import torch
from torch import Tensor

from spi_viewer.simulation.detector import DetectorPreset, are_real, draw_within
from spi_viewer.simulation.draws import Draw

_ANALOGUE_PART = 0.4  # of the frames; in the others photons have been counted
# Of a frame's pixel. Facilities cut noise below half a photon before they bin; what is left of
# more would bury the faint frames, whose label nobody could then give.
_MAX_NOISE_PHOTONS = 0.6


def detect(
    expected: Tensor,
    transmission: Tensor,
    presets: list[DetectorPreset],
    binning: Tensor,
    draw: Draw,
) -> Tensor:
    """Expected photons (B, S, S) -> what the detector reports, in photons, float32.

    transmission (B, S, S) is 0 where a shadow lies; binning (B,) detector pixels make the side of
    a frame's pixel.

    Quantum efficiency, charge sharing, Poisson; then in part of the frames the marks of analogue
    data, in the others whole photons; saturation, with bleeding in CCDs; hot pixels.
    """
    count = expected.shape[0]
    nuisances = are_real(presets, draw.device)
    efficiency = draw_within([preset.efficiency for preset in presets], draw)
    seen = transmission * efficiency[:, None, None]
    counts = torch.poisson(_share_charge(expected, draw) * seen, generator=draw.generator)
    rows = (nuisances & draw.chance(_ANALOGUE_PART, count)).nonzero()[:, 0]
    if len(rows):
        chosen = [presets[row] for row in rows.tolist()]
        counts[rows] = _read_out(counts[rows], transmission[rows], chosen, binning[rows], draw)
    counts = _saturate(counts, presets, binning, nuisances & draw.chance(0.5, count), draw)
    return _add_hot_pixels(counts, nuisances, draw)


def _read_out(
    counts: Tensor,
    transmission: Tensor,
    presets: list[DetectorPreset],
    binning: Tensor,
    draw: Draw,
) -> Tensor:
    """Gain steps, read noise and common mode on counts (B, S, S).

    A pixel of n photons has the noise s + t n (AGIPD: 0.155 + 0.031 n), and a frame's pixel sums
    b x b of them whose noises are independent: b s + t n / b.
    """
    read = draw_within([preset.read_noise_photons for preset in presets], draw) * binning
    read = read.clamp_max(_MAX_NOISE_PHOTONS)
    growth = torch.tensor([preset.noise_per_photon for preset in presets], device=draw.device)
    gain = draw_within([preset.gain_sigma for preset in presets], draw)
    signal = _gain_steps(counts, gain, draw)
    noise = draw.normal(0.0, 1.0, *counts.shape)
    noise *= torch.addcmul(read[:, None, None], signal, (growth / binning)[:, None, None])
    noise += _common_mode(read * draw.uniform(0.0, 0.6, len(presets)), counts.shape[-1], draw)
    return noise.mul_(transmission).add_(signal)


def _common_mode(sigma: Tensor, side: int, draw: Draw) -> Tensor:
    """Offsets that all pixels of a line share within a half of the detector, (B, S, S).

    sigma (B,); lines run along rows or columns; half of the frames are corrected for it.
    """
    count = len(sigma)
    sigma = sigma * draw.chance(0.5, count)
    offsets = draw.normal(0.0, 1.0, count, side, 2) * sigma[:, None, None]
    lines = offsets[:, :, torch.arange(side, device=draw.device) * 2 // side]
    return torch.where(draw.chance(0.5, count)[:, None, None], lines, lines.transpose(1, 2))


def _saturate(
    counts: Tensor,
    presets: list[DetectorPreset],
    binning: Tensor,
    affected: Tensor,
    draw: Draw,
) -> Tensor:
    """Cut at the full well; in half of the affected CCD frames the rest bleeds along a line."""
    limit = draw_within([preset.saturation_photons for preset in presets], draw) * binning**2
    limit = torch.where(affected, limit, torch.full_like(limit, 1e9))
    is_ccd = torch.tensor([preset.bleeds for preset in presets], device=draw.device)
    over = (counts > limit[:, None, None]).flatten(1).any(1)
    upright = draw.chance(0.5, len(presets))
    bleeding = over & is_ccd & draw.chance(0.5, len(presets))
    cut = torch.minimum(counts, limit[:, None, None])
    for rows, axis in ((bleeding & upright, 1), (bleeding & ~upright, 2)):
        index = rows.nonzero()[:, 0]
        if len(index):
            cut[index] = bleed(counts[index], limit[index, None, None], axis)
    return cut


def bleed(counts: Tensor, limit: Tensor, axis: int) -> Tensor:
    """Fill pixels to the limit; half of the excess runs either way along the axis into free ones.

    counts (B, S, S), limit (B, 1, 1). What reaches an end of its line is lost in the read-out.
    """
    half = (counts - limit).clamp_min_(0.0).div_(2.0)
    filled = torch.minimum(counts, limit)
    for direction in (1, -1):
        source = half if direction == 1 else half.flip(axis)
        target = filled if direction == 1 else filled.flip(axis)
        filled = _overflow(source, target, limit, axis)
        if direction == -1:
            filled = filled.flip(axis)
    return filled


def _overflow(source: Tensor, filled: Tensor, limit: Tensor, axis: int) -> Tensor:
    """`filled` after the charge `source` of each pixel has run forward into free room.

    The charge W that passes from pixel i to the next follows W_i = max(0, W_(i-1) + s_i - room_i):
    a queue, solved by its running sum S as W_i = S_i - min(0, S_1 .. S_i) (Lindley 1952).
    """
    room = limit - filled
    total = (source - room).double().cumsum(axis)
    passing = total - total.cummin(axis).values.clamp_max(0.0)
    before = torch.zeros_like(passing)
    before.narrow(axis, 1, passing.shape[axis] - 1).copy_(
        passing.narrow(axis, 0, passing.shape[axis] - 1)
    )
    return filled + (before + source - passing).float()


def _share_charge(expected: Tensor, draw: Draw) -> Tensor:
    """Leak to the four neighbours in a third of the frames; a split photon counts once."""
    chosen = draw.chance(0.33, expected.shape[0]).nonzero()[:, 0]
    if not len(chosen):
        return expected
    part = expected[chosen]
    leak = draw.uniform(0.01, 0.06, len(chosen))[:, None, None]
    padded = torch.nn.functional.pad(part[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    around = padded[:, 2:, 1:-1] + padded[:, :-2, 1:-1] + padded[:, 1:-1, 2:] + padded[:, 1:-1, :-2]
    shared = expected.clone()
    shared[chosen] = part * (1.0 - 4.0 * leak) + around * leak
    return shared


def _gain_steps(counts: Tensor, sigma: Tensor, draw: Draw) -> Tensor:
    """Multiply a 4 x 4 field of blocks, joined to halves or quarters in half of the frames."""
    count, side = counts.shape[0], counts.shape[-1]
    blocks = draw.normal(0.0, 1.0, count, 4, 4)
    coarse = blocks[:, ::2, ::2].repeat_interleave(2, 1).repeat_interleave(2, 2)
    blocks = torch.where(draw.chance(0.5, count)[:, None, None], coarse, blocks)
    gains = (1.0 + sigma[:, None, None] * blocks).clamp_min(0.3)
    index = torch.arange(side, device=counts.device) * 4 // side
    return counts * gains[:, index][:, :, index]


def _add_hot_pixels(counts: Tensor, nuisances: Tensor, draw: Draw) -> Tensor:
    """A few pixels far too bright, in a quarter of the frames."""
    count, side = counts.shape[0], counts.shape[-1]
    per_frame = 6
    where = draw.integers(0, side * side - 1, count, per_frame)
    present = (nuisances & draw.chance(0.25, count))[:, None] & draw.chance(0.5, count, per_frame)
    value = draw.log_uniform(3.0, 3000.0, count, per_frame) * present
    flat = counts.flatten(1).scatter_add_(1, where, value.round())
    return flat.view_as(counts)
