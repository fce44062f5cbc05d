"""Planes that frames are laid out in."""

import numpy as np
import pytest

from spi_viewer.feature_planes import PLANES, diffusion_plane, principal_plane


def features(count, seed=0, width=8):
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


@pytest.fixture(params=sorted(PLANES))
def plane_of(request):
    return PLANES[request.param]


def test_clusters_stay_apart_in_the_plane(plane_of):
    values = features(300, width=64)
    values[:100, :20] += 6
    values[100:200, 20:40] += 6
    plane = plane_of(values)
    centres = np.array([plane[n : n + 100].mean(axis=0) for n in (0, 100, 200)])
    spread = max(plane[n : n + 100].std(axis=0).max() for n in (0, 100, 200))
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.linalg.norm(centres[one] - centres[other]) > 3 * spread


def test_the_plane_does_not_flip_while_a_run_grows(plane_of):
    values = features(400, seed=3)
    values[:, 1:4] += 3 * features(400, seed=4, width=1)
    values[:, 4:6] += 2 * features(400, seed=5, width=1)
    early, late = plane_of(values[:300]), plane_of(values)[:300]
    for axis in (0, 1):
        assert np.corrcoef(early[:, axis], late[:, axis])[0, 1] > 0.9


@pytest.mark.parametrize("shape", [(0, 8), (1, 8), (5, 8), (5, 1), (3, 0)])
@pytest.mark.parametrize("value", [1, np.nan, np.inf])
def test_a_plane_of_nothing_in_particular_is_finite(plane_of, shape, value):
    plane = plane_of(np.full(shape, value, np.float32))
    assert plane.shape == (shape[0], 2)
    assert np.isfinite(plane).all()


def test_the_diffusion_map_straightens_what_is_bent():
    turn = np.linspace(0, 3 * np.pi, 600, dtype=np.float32)  # a roll, of which the start is inside
    roll = np.stack([turn * np.cos(turn), turn * np.sin(turn)], 1)

    def order(places):
        return abs(np.corrcoef(places[:, 0].argsort().argsort(), np.arange(600))[0, 1])

    assert order(diffusion_plane(roll)) > 0.99 > 0.6 > order(principal_plane(roll))
