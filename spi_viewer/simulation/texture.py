"""What real particles have beyond an ideal shape: soft edges, layers, uneven density."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.form_factors import length
from spi_viewer.simulation.shapes import Shapes, point_cloud

_GRAINS = 24


@dataclass(frozen=True)
class Texture:
    """The inside of B particles; lengths in diameters, densities in the body's density.

    Attributes:
        softness: (B,) sigma of the Gaussian that smears the surface.
        layer_scale: (B,) a second body of the same shape, this much smaller (core, genome, hollow)
            or larger (hydration shell).
        layer_contrast: (B,) its additional density; 0 where there is none.
        grains: (B, J, 3) centres of density fluctuations; grain_width: (B,) their sigma.
        grain_weights: (B, J) their contents, sum 0; all 0 where there are none.
    """

    softness: Tensor
    layer_scale: Tensor
    layer_contrast: Tensor
    grains: Tensor
    grain_width: Tensor
    grain_weights: Tensor

    def select(self, index: Tensor) -> Texture:
        """The texture of particles `index`."""
        return Texture(
            self.softness[index],
            self.layer_scale[index],
            self.layer_contrast[index],
            self.grains[index],
            self.grain_width[index],
            self.grain_weights[index],
        )


def draw_texture(inner_radius: Tensor, diameter_nm: Tensor, draw: Draw) -> Texture:
    """Texture of B particles; inner_radius (B,) of a ball inside the body, 0 to leave it uniform.

    Hydration shell 0.4 to 3 nm; fluctuations of 2 to 10 % (rms) with correlation 5 to 15 nm.
    """
    count = len(inner_radius)
    water = draw.uniform(0.4, 3.0, count) / diameter_nm
    is_core = draw.chance(0.6, count)
    core = draw.uniform(0.5, 0.95, count)
    scale = torch.where(is_core, core, 1.0 + 2.0 * water.clamp_max(0.06))
    contrast = torch.where(is_core, draw.uniform(-0.8, 0.8, count), draw.uniform(0.05, 0.25, count))
    contrast = contrast * (draw.chance(0.35, count) & (inner_radius > 0))
    ball = draw.directions(count, _GRAINS) * draw.uniform(0.0, 1.0, count, _GRAINS, 1) ** (1 / 3)
    width = (draw.uniform(5.0, 15.0, count) / diameter_nm / 2.0).clamp(0.02, 0.15)
    rms = draw.uniform(0.02, 0.10, count) * draw.chance(0.35, count)
    # J Gaussians of weight w in a volume V: variance J w^2 / (V (4 pi sigma^2)^(3/2)).
    volume = 4.0 / 3.0 * math.pi * inner_radius**3
    weight = rms * torch.sqrt(volume / _GRAINS * (4.0 * math.pi * width**2) ** 1.5)
    sign = draw.normal(0.0, 1.0, count, _GRAINS)
    sign = sign - sign.mean(1, keepdim=True)
    return Texture(
        softness=draw.uniform(0.0, 0.03, count) * draw.chance(0.7, count),
        layer_scale=scale,
        layer_contrast=contrast,
        grains=ball * inner_radius[:, None, None],
        grain_width=width,
        grain_weights=sign * weight[:, None],
    )


def textured_amplitude(shapes: Shapes, texture: Texture, q: Tensor) -> Tensor:
    """Transform of P textured particles at q (P, 3, Q), body frame times diameter -> (P, Q)."""
    total = shapes.amplitude(q)
    layered = texture.layer_contrast.nonzero()[:, 0]
    if len(layered):
        part = texture.select(layered)
        scale = part.layer_scale[:, None]
        layer = shapes.select(layered).amplitude(q[layered] * scale[..., None])
        total[layered] += part.layer_contrast[:, None] * scale**3 * layer
    grained = texture.grain_weights.abs().amax(1).nonzero()[:, 0]
    if len(grained):
        part = texture.select(grained)
        inner = point_cloud(q[grained], part.grains, part.grain_weights)
        inner = inner * torch.exp(-0.5 * (length(q[grained]) * part.grain_width[:, None]).square())
        total = total.to(torch.complex64)
        total[grained] += inner
    return total * torch.exp(-0.5 * (length(q) * texture.softness[:, None]).square())
