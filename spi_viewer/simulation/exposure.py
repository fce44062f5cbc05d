"""What reaches the detector in some frames: particles, scattering, shadows and background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from spi_viewer.frames import FrameClass
from spi_viewer.simulation import background, classes, hits, non_sample, visibility
from spi_viewer.simulation.bandwidth import smear_by_bandwidth
from spi_viewer.simulation.detector import DetectorPreset, are_real
from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.scattering import CoarseGrid, Geometry, coarse_grid
from spi_viewer.simulation.setting import Order, Setting, binning_of, join_settings
from spi_viewer.simulation.shadows import draw_shadows
from spi_viewer.simulation.simulated_frames import SimulatedFrames, concatenate

_SMOOTH_DETAIL = 12.0  # periods across the frame that gas, halo and slow fields may hold
_BANDWIDTH = (1e-3, 1e-2)  # full width at half maximum over the energy
_MIN_BANDWIDTH = 3e-3  # below, less than half a per cent of any single particle's fringe is lost


@dataclass(frozen=True)
class Exposure:
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


def join_exposures(parts: Sequence[Exposure]) -> Exposure:
    """One Exposure of all frames in order."""
    if len(parts) == 1:
        return parts[0]
    return Exposure(
        concatenate([part.frames for part in parts]),
        torch.cat([part.transmission for part in parts]),
        join_settings([part.setting for part in parts]),
        torch.cat([part.setting_suits for part in parts]),
        torch.cat([part.is_shown for part in parts]),
    )


def expose(order: Order, setting: Setting, draw: Draw) -> Exposure:
    """The ordered frames in their settings; some may not show what they are of."""
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
) -> Exposure:
    """The exposure of frames of whose patterns so much is visible.

    Of several particles, too, the first one's fringes must show, or settings and shadows that hide
    them would be met with multiple hits only.
    """
    is_multi = frames.frame_class == FrameClass.MULTI
    of_hits = (is_multi | (frames.frame_class == FrameClass.SINGLE)).nonzero()[:, 0]
    light = visible[of_hits] * frames.photons[of_hits, None, None]
    expected = frames.counts[of_hits] * transmission[of_hits]
    center_px = frames.geometry.center_px[of_hits]
    suits = torch.ones_like(is_multi)
    suits[of_hits] = visibility.shows_fringes(patterns.first[of_hits], light, expected, center_px)
    is_shown = suits.clone()
    among = is_multi[of_hits]
    rows = of_hits[among]
    is_shown[rows] &= visibility.shows_interference(
        patterns.interference[rows] * light[among], expected[among], frames.photons[rows]
    )
    return Exposure(frames, transmission, setting, suits, is_shown)


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
