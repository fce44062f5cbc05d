import torch

from spi_viewer.simulation.background import draw_background, slow_field
from spi_viewer.simulation.draws import Draw, mix_seeds
from spi_viewer.simulation.non_sample import KINDS, draw_non_sample
from spi_viewer.simulation.scattering import coarse_grid

SIDE = 64
GRID = coarse_grid(12.0, SIDE, torch.device("cpu"))


def test_non_sample_frames_are_of_all_kinds_with_unit_sum():
    image, kinds = draw_non_sample(GRID, torch.full((120, 2), 31.5), SIDE, Draw(1))
    assert set(kinds) == set(KINDS)
    assert torch.allclose(image.sum((1, 2)), torch.ones(120), atol=1e-4)
    assert (image >= 0).all()


def test_blobs_are_round_as_well_as_lopsided():
    """Roundness: the smaller over the larger axis of inertia of what stands above half the peak."""
    image, kinds = draw_non_sample(GRID, torch.full((600, 2), 31.5), SIDE, Draw(6))
    blobs = image[[kind == "blob" for kind in kinds]]
    above = (blobs > blobs.amax((1, 2), keepdim=True) / 2).float()
    place = torch.stack(torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij"))
    weight = above / above.sum((1, 2), keepdim=True)
    offset = place - torch.einsum("bij,aij->ba", weight, place)[..., None, None]
    inertia = torch.einsum("bij,baij,bcij->bac", weight, offset, offset)
    axes = torch.linalg.eigvalsh(inertia + torch.eye(2) * 1e-3).sqrt()
    roundness = axes[:, 0] / axes[:, 1]
    assert (roundness > 0.9).float().mean() > 0.05
    assert (roundness < 0.6).float().mean() > 0.2


def test_backgrounds_have_unit_sum_and_are_never_negative():
    image = draw_background(GRID, torch.full((60, 2), 31.5), SIDE, Draw(2))
    assert torch.allclose(image.sum((1, 2)), torch.ones(60), atol=1e-4)
    assert (image >= 0).all()


def test_the_slow_field_is_smooth_and_of_unit_variance():
    field = GRID.at_pixels(slow_field(400, GRID, SIDE, Draw(3)))
    assert 0.85 < field.var() < 1.15
    step = (field[:, 1:] - field[:, :-1]).abs().mean()
    assert step < 0.4


def test_neighbouring_blocks_share_no_seed():
    seeds = {mix_seeds(seed, block) for seed in range(50) for block in range(50)}
    assert len(seeds) == 2500
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_draws_keep_to_their_ranges():
    draw = Draw(4)
    assert draw.uniform(2.0, 3.0, 1000).min() >= 2.0
    assert draw.log_uniform(1.0, 10.0, 1000).max() <= 10.0
    assert set(draw.integers(1, 3, 200).tolist()) == {1, 2, 3}
    assert set(draw.choice((1.0, 0.0, 1.0), 200).tolist()) == {0, 2}
    turn = draw.rotations(20)
    assert torch.allclose(turn @ turn.transpose(1, 2), torch.eye(3).expand(20, 3, 3), atol=1e-5)
    assert torch.allclose(torch.linalg.det(turn), torch.ones(20), atol=1e-5)
