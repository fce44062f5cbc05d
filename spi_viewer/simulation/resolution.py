"""Whether several particles can be told from one, in the pixels of the network.

Pairs count whose fringes are at least 2.5 pixels wide (contrast c_ij above 0.75) and that lie 0.95
diameters or more apart across the beam: where their projections overlap, a pair is an elongated
particle to anybody. With photon shares f_i their interference changes the pattern by
chi^2 = N sum_{i<j} 2 f_i f_j c_ij^2 (Poisson, N photons). Resolved are scenes from chi^2 = 400 and
20 % relative modulation squared on (a second particle with 11 % of the photons).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from spi_viewer.frames import NETWORK_SIDE_PX
from spi_viewer.simulation.scattering import Geometry, pixel_contrast

MIN_CHI_SQUARED = 400.0
MIN_MODULATION = 0.2
_MIN_APART = 0.95  # of the mean diameter, across the beam
_MIN_CONTRAST = 0.75  # fringes of 2.5 pixels, still to be seen if shown at 85 % of the size


def is_resolved(
    position_nm: Tensor,
    diameter_nm: Tensor,
    share: Tensor,
    photons: Tensor,
    geometry: Geometry,
) -> Tensor:
    """Whether a perfect observer sees the interference at a third of the way to the edge, (M,).

    Args:
        position_nm: (M, P, 3) as (x, y, z) of up to P particles.
        diameter_nm: (M, P).
        share: (M, P) of the photons; 0 for particles that are not there.
        photons: (M,) of the sample.
        geometry: of M frames of any size.
    """
    scale = geometry.side_px / NETWORK_SIDE_PX
    seen = replace(
        geometry,
        pixel_size_m=geometry.pixel_size_m * scale,
        center_px=geometry.center_px / scale,
        side_px=NETWORK_SIDE_PX,
    )
    offset = seen.center_px.mean(1, keepdim=True) + NETWORK_SIDE_PX / 6.0
    particles = position_nm.shape[1]
    first, second = torch.triu_indices(particles, particles, 1, device=photons.device)
    separation = position_nm[:, second] - position_nm[:, first]  # (M, pairs, 3)
    pairs = len(first)
    frame = torch.arange(len(photons), device=photons.device).repeat_interleave(pairs)
    contrast = pixel_contrast(separation.flatten(0, 1), seen.select(frame), offset[frame])
    contrast = contrast.prod(1)[:, 0].view(-1, pairs)
    contrast = contrast * (contrast > _MIN_CONTRAST)
    reach = _MIN_APART * (diameter_nm[:, first] + diameter_nm[:, second]) / 2.0
    apart = separation[..., :2].norm(dim=2) > reach
    modulation = (2.0 * share[:, first] * share[:, second] * contrast**2 * apart).sum(1)
    return (modulation > MIN_MODULATION) & (modulation * photons > MIN_CHI_SQUARED)
