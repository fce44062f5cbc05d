"""One block of frames from one generator: scenes, scattering, background and detector together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from spi_viewer.frames import FrameClass
from spi_viewer.simulation import background, classes, hits, non_sample, resolution
from spi_viewer.simulation.bandwidth import smear_by_bandwidth
from spi_viewer.simulation.detector import DetectorPreset, are_real
from spi_viewer.simulation.draws import Draw, mix_seeds
from spi_viewer.simulation.readout import detect
from spi_viewer.simulation.scattering import EV_NM, CoarseGrid, Geometry, coarse_grid
from spi_viewer.simulation.shadows import draw_shadows
from spi_viewer.simulation.simulated_frames import SimulatedFrames

# Fringe periods across the frame that the largest particle makes: 5 to 28 px each at 128 px.
_FRINGES = (4.5, 26.0)
_SMOOTH_DETAIL = 12.0  # periods across the frame that gas, halo and slow fields may hold
_BANDWIDTH = (1e-3, 1e-2)  # full width at half maximum over the energy
_MIN_BANDWIDTH = 3e-3  # below, less than half a per cent of any single particle's fringe is lost
_BLOCK_PIXELS = 2**20  # small enough for the processor's cache, large enough to share overhead
_MOST_PIXELS = 2**23  # of a block; some dozen arrays of this size are in memory at once


def block_size(side_px: int) -> int:
    """Frames that are made together."""
    area = side_px**2
    return max(1, _BLOCK_PIXELS // area, min(8, _MOST_PIXELS // area))


def simulate_block(
    families: Sequence[str],
    seed: int,
    block: int,
    weights: Mapping[FrameClass, float],
    presets: Sequence[DetectorPreset],
    device: str | torch.device = "cpu",
    side_px: int = 128,
) -> SimulatedFrames:
    """Block number `block` of a stream: block_size(side_px) frames."""
    draw = Draw(mix_seeds(seed, block), device)
    count = block_size(side_px)
    chosen = [presets[i] for i in draw.integers(0, len(presets) - 1, count).tolist()]
    frame_class = classes.draw_classes(dict(weights), block * count, count, seed).to(draw.device)
    geometry = _draw_geometry(chosen, side_px, draw)
    fringes = draw.log_uniform(*_FRINGES, count)
    diameter = fringes / geometry.field_per_nm
    photons = classes.draw_photons(count, draw)
    particles = classes.draw_particles(frame_class, diameter, photons, geometry, draw)
    names = [families[i] for i in draw.integers(0, len(families) - 1, count).tolist()]
    shadows = draw_shadows(chosen, geometry.center_px, side_px / fringes, side_px, draw)
    smooth = coarse_grid(_SMOOTH_DETAIL, side_px, draw.device)
    response = _draw_response(smooth, chosen, side_px, draw)
    visible = response * shadows.transmission
    intensity, fluence = hits.particle_intensities(
        particles, names, fringes, geometry, visible, draw
    )
    _smear(intensity, particles.count > 0, geometry, are_real(chosen, draw.device), draw)
    kinds = _add_non_sample(intensity, frame_class, visible, smooth, geometry, draw)
    light = background.draw_background(smooth, geometry.center_px, side_px, draw)
    background_photons = _draw_background_photons(photons, chosen, draw)
    photons = photons * (frame_class != FrameClass.BLANK)
    expected = (intensity * response).mul_(photons[:, None, None])
    expected += light.mul_(background_photons[:, None, None])
    counts = detect(expected, shadows.transmission, chosen, draw)
    hit = particles.count > 0
    return SimulatedFrames(
        counts=counts * shadows.valid,
        valid=shadows.valid,
        frame_class=frame_class,
        photons=photons,
        family=[kinds.get(row, name) for row, name in enumerate(names)],
        diameter_nm=diameter * hit,
        particle_count=particles.count,
        fewest_px=_fewest_px(particles, frame_class, photons, geometry),
        fluence_per_um2=fluence * photons * hit,
        detector=[preset.name for preset in chosen],
        geometry=geometry,
    )


def _fewest_px(
    particles: classes.Particles, frame_class: Tensor, photons: Tensor, geometry: Geometry
) -> Tensor:
    """Pixels along the side that it takes to see each multiple hit as one, 0 for the rest."""
    fewest = torch.zeros_like(frame_class)
    rows = (frame_class == FrameClass.MULTI).nonzero()[:, 0]
    if len(rows):
        fewest[rows] = resolution.fewest_px(
            particles.position_nm[rows],
            particles.diameter_nm[rows],
            particles.share[rows],
            photons[rows],
            geometry.select(rows),
        )
    return fewest


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


def _draw_geometry(presets: list[DetectorPreset], side: int, draw: Draw) -> Geometry:
    """Energy, distance and centre of each frame; the frame shows half to all of the detector."""
    count = len(presets)
    real = torch.tensor([preset.nuisances for preset in presets], device=draw.device)

    def pick(pairs: list[tuple[float, float]]) -> Tensor:
        bounds = torch.tensor(pairs, device=draw.device)
        return bounds[:, 0] * (bounds[:, 1] / bounds[:, 0]) ** draw.uniform(0.0, 1.0, count)

    energy = pick([preset.photon_energy_ev for preset in presets])
    distance = pick([preset.distance_m for preset in presets])
    whole = torch.tensor([p.pixel_size_m * p.side_px for p in presets], device=draw.device)
    part = torch.where(real, draw.uniform(0.5, 1.0, count), torch.ones(count, device=draw.device))
    jitter = draw.normal(0.0, 0.012 * side, count, 2) * real[:, None]
    return Geometry(
        wavelength_nm=EV_NM / energy,
        distance_m=distance,
        pixel_size_m=whole * part / side,
        center_px=(side - 1) / 2.0 + jitter,
        side_px=side,
    )


def _draw_background_photons(photons: Tensor, presets: list[DetectorPreset], draw: Draw) -> Tensor:
    """Background photons of each frame (B,), log-normal about a fifth of the sample's.

    Blank frames follow the photons that a hit would have had, so that brightness of the background
    does not tell the class; one blank or hit in eight has a strong one.
    """
    ratio = draw.log_normal(0.2, 1.0, len(photons)).clamp_max(2.0)
    perfect = torch.tensor([not preset.nuisances for preset in presets], device=draw.device)
    return torch.where(perfect, torch.zeros_like(ratio), ratio) * photons
