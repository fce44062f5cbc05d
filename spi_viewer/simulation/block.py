"""One block of frames from one generator: scenes, scattering, background and detector together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from spi_viewer.frames import FrameClass
from spi_viewer.simulation import background, classes, hits, non_sample, visibility
from spi_viewer.simulation.bandwidth import smear_by_bandwidth
from spi_viewer.simulation.detector import DetectorPreset, are_real
from spi_viewer.simulation.draws import Draw, mix_seeds
from spi_viewer.simulation.readout import detect
from spi_viewer.simulation.scattering import CoarseGrid, Geometry, coarse_grid
from spi_viewer.simulation.setting import Order, Setting, binning_of, draw_setting
from spi_viewer.simulation.shadows import draw_shadows
from spi_viewer.simulation.simulated_frames import SimulatedFrames

_SMOOTH_DETAIL = 12.0  # periods across the frame that gas, halo and slow fields may hold
_BANDWIDTH = (1e-3, 1e-2)  # full width at half maximum over the energy
_MIN_BANDWIDTH = 3e-3  # below, less than half a per cent of any single particle's fringe is lost
_FURTHER_ATTEMPTS = 4  # to show what a frame is of; after them it is taken as it is
_BLOCK_PIXELS = 2**20  # small enough for the processor's cache, large enough to share overhead
_MOST_PIXELS = 2**23  # of a block; some dozen arrays of this size are in memory at once


def block_size(side_px: int) -> int:
    """Frames that are made together."""
    area = side_px**2
    return max(1, _BLOCK_PIXELS // area, min(8, _MOST_PIXELS // area))


@dataclass(frozen=True)
class _Exposure:
    """B frames before detection, and whether each shows its class, (B,) bool.

    Attributes:
        frames: with the photons that reach the detector, were there no shadows, as their counts.
        transmission: (B, S, S) of the shadows.
        setting_suits: whether it could be shown in this setting.
    """

    frames: SimulatedFrames
    transmission: Tensor
    setting: Setting
    setting_suits: Tensor
    is_shown: Tensor


def simulate_block(
    families: Sequence[str],
    seed: int,
    block: int,
    weights: Mapping[FrameClass, float],
    presets: Sequence[DetectorPreset],
    device: str | torch.device = "cpu",
    side_px: int = 128,
) -> SimulatedFrames:
    """Block number `block` of a stream: block_size(side_px) frames.

    Hits that do not show what they are (see `visibility`) are drawn anew.
    """
    draw = Draw(mix_seeds(seed, block), device)
    count = block_size(side_px)
    order = Order(
        classes.draw_classes(dict(weights), block * count, count, seed).to(draw.device),
        classes.draw_photons(count, draw),
        [families[i] for i in draw.integers(0, len(families) - 1, count).tolist()],
        [presets[i] for i in draw.integers(0, len(presets) - 1, count).tolist()],
    )
    setting = draw_setting(order.photons, order.presets, side_px, draw)
    exposure = _expose(order, setting, draw)
    frames, transmission = exposure.frames, exposure.transmission
    rows = torch.arange(count, device=draw.device)
    for _ in range(_FURTHER_ATTEMPTS):
        again = (~exposure.is_shown).nonzero()[:, 0]
        if not len(again):
            break
        rows = rows[again]
        exposure = _expose_again(order.select(rows), exposure, again, draw)
        frames.replace(rows, exposure.frames)
        transmission[rows] = exposure.transmission
    binning = binning_of(order.presets, frames.geometry)
    counts = detect(frames.counts, transmission, order.presets, binning, draw)
    frames.counts = counts.mul_(frames.valid)
    return frames


def _expose_again(order: Order, last: _Exposure, rows: Tensor, draw: Draw) -> _Exposure:
    """Frames `rows` of the last exposure, drawn anew.

    Where several particles cannot be told apart others are drawn in the same setting, so that
    sizes and backgrounds stay those of single ones.
    """
    new = draw_setting(order.photons, order.presets, last.frames.geometry.side_px, draw)
    setting = last.setting.select(rows).where(last.setting_suits[rows], new)
    return _expose(order, setting, draw)


def _expose(order: Order, setting: Setting, draw: Draw) -> _Exposure:
    frame_class, chosen = order.frame_class, order.presets
    geometry, fringes, side = setting.geometry, setting.fringes, setting.geometry.side_px
    diameter = fringes / geometry.field_per_nm
    particles = classes.draw_particles(frame_class, diameter, order.photons, geometry, draw)
    binning = binning_of(chosen, geometry)
    shadows = draw_shadows(chosen, geometry.center_px, side / fringes, binning, side, draw)
    smooth = coarse_grid(_SMOOTH_DETAIL, side, draw.device)
    response = _draw_response(smooth, chosen, side, draw)
    visible = response * shadows.transmission
    patterns = hits.particle_patterns(particles, order.families, fringes, geometry, visible, draw)
    intensity = patterns.intensity
    _smear(intensity, particles.count > 0, geometry, are_real(chosen, draw.device), draw)
    kinds = _add_non_sample(intensity, frame_class, visible, smooth, geometry, draw)
    light = background.draw_background(smooth, geometry.center_px, side, draw)
    photons = order.photons * (frame_class != FrameClass.BLANK)
    expected = (intensity * response).mul_(photons[:, None, None])
    expected += light.mul_(setting.background_photons[:, None, None])
    hit = particles.count > 0
    frames = SimulatedFrames(
        counts=expected,
        valid=shadows.valid,
        frame_class=frame_class,
        photons=photons,
        family=[kinds.get(row, name) for row, name in enumerate(order.families)],
        diameter_nm=diameter * hit,
        particle_count=particles.count,
        fluence_per_um2=patterns.fluence * photons * hit,
        detector=[preset.name for preset in chosen],
        geometry=geometry,
    )
    return _judged(frames, shadows.transmission, setting, patterns, visible)


def _judged(
    frames: SimulatedFrames,
    transmission: Tensor,
    setting: Setting,
    patterns: hits.Patterns,
    visible: Tensor,
) -> _Exposure:
    """The exposure of frames of whose patterns so much is visible.

    Of several particles, too, the first one's fringes must show, or settings and shadows that hide
    them would be met with multiple hits only.
    """
    is_multi = frames.frame_class == FrameClass.MULTI
    is_hit = is_multi | (frames.frame_class == FrameClass.SINGLE)
    light = visible * frames.photons[:, None, None]
    expected = frames.counts * transmission
    center_px = frames.geometry.center_px
    suits = ~is_hit | visibility.shows_fringes(patterns.first, light, expected, center_px)
    is_shown = suits.clone()
    rows = is_multi.nonzero()[:, 0]
    is_shown[rows] &= visibility.shows_interference(
        patterns.interference[rows] * light[rows], expected[rows], frames.photons[rows]
    )
    return _Exposure(frames, transmission, setting, suits, is_shown)


def _draw_response(
    smooth: CoarseGrid, presets: list[DetectorPreset], side: int, draw: Draw
) -> Tensor:
    """The slow changes of brightness over each frame, exp(Gaussian field), (B, S, S)."""
    real = torch.tensor([preset.nuisances for preset in presets], device=draw.device)
    sigma = draw.uniform(0.0, 0.4, len(presets)) * real
    field = background.slow_field(len(presets), smooth, side, draw)
    return smooth.at_pixels(torch.exp(sigma[:, None, None] * field)).clamp_min_(0.0)


def _smear(
    intensity: Tensor, is_hit: Tensor, geometry: Geometry, is_real: Tensor, draw: Draw
) -> None:
    """Draw each pulse's bandwidth and smear, in place, the hits in which it can be seen."""
    full_width = draw.log_uniform(*_BANDWIDTH, len(is_hit))
    rows = (is_hit & is_real & (full_width > _MIN_BANDWIDTH)).nonzero()[:, 0]
    if len(rows):
        intensity[rows] = smear_by_bandwidth(
            intensity[rows], geometry.center_px[rows], full_width[rows]
        )


def _add_non_sample(
    intensity: Tensor,
    frame_class: Tensor,
    visible: Tensor,
    smooth: CoarseGrid,
    geometry: Geometry,
    draw: Draw,
) -> dict[int, str]:
    """Fill in non-sample frames in place; what each row without a particle shows."""
    kinds = dict.fromkeys((frame_class == FrameClass.BLANK).nonzero()[:, 0].tolist(), "blank")
    rows = (frame_class == FrameClass.NON_SAMPLE).nonzero()[:, 0]
    if len(rows):
        image, names = non_sample.draw_non_sample(
            smooth, geometry.center_px[rows], geometry.side_px, draw
        )
        seen = (image * visible[rows]).sum((1, 2), keepdim=True)
        intensity[rows] = image / seen.clamp_min(1e-12)
        kinds |= dict(zip(rows.tolist(), names, strict=True))
    return kinds
