"""Alike frames are near each other in the map, and strangers are told from its own."""

import numpy as np
import pytest

from spi_viewer.baselines.diffusion_map import diffusion_coordinates, fit_diffusion_map


@pytest.fixture
def two_groups():
    """(200, 6) points, the first hundred about one place and the rest about another."""
    random = np.random.default_rng(1)
    points = random.normal(size=(200, 6)).astype(np.float32)
    points[100:] += 30
    return points


def test_the_slowest_mode_tells_two_groups_apart(two_groups):
    first = fit_diffusion_map(two_groups, neighbours=8, dimensions=3).modes[:, 0]
    assert first[:100].std() < 1e-3
    assert first[100:].std() < 1e-3
    assert np.sign(first[0]) != np.sign(first[100])


def test_a_ring_is_unrolled_to_a_ring():
    angle = np.linspace(0, 2 * np.pi, 300, endpoint=False)
    random = np.random.default_rng(2)
    turned = np.linalg.qr(random.normal(size=(10, 10)))[0][:2]
    points = np.stack([np.cos(angle), np.sin(angle)], 1) @ turned
    x, y = fit_diffusion_map(points.astype(np.float32), dimensions=2).modes.T
    assert np.hypot(x, y) == pytest.approx(np.sqrt(2), rel=0.02)  # cosine and sine of unit power
    steps = np.diff(np.unwrap(np.arctan2(y, x)))
    assert np.abs(steps) == pytest.approx(2 * np.pi / 300, rel=0.1)


def test_modes_are_those_of_the_walk_itself(two_groups):
    """Each is an eigenvector of D^-1 W, made here as a dense matrix."""
    points = two_groups[:40]
    k = 6
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    width = np.sort(distance, 1)[:, k]
    kernel = np.exp(-(distance**2) / np.outer(width, width))
    near = distance <= width[:, None]
    np.fill_diagonal(near, False)
    graph = np.where(near, kernel, 0)
    graph = np.maximum(graph, graph.T)
    walk = graph / graph.sum(1, keepdims=True)
    modes = fit_diffusion_map(points, neighbours=k, dimensions=4).modes
    for mode in modes.T.astype(float):
        value = (mode @ walk @ mode) / (mode @ mode)
        assert walk @ mode == pytest.approx(value * mode, abs=2e-3)


def test_frames_outside_of_the_graph_are_placed_among_their_likes(two_groups):
    fitted = fit_diffusion_map(two_groups[::2], neighbours=8, dimensions=1)
    placed, _ = fitted.place(two_groups[1::2])
    assert (np.sign(placed[:50, 0]) == np.sign(fitted.modes[0, 0])).all()
    assert (np.sign(placed[50:, 0]) == np.sign(fitted.modes[50, 0])).all()


def test_a_stranger_is_remote_and_a_member_is_not(two_groups):
    fitted = fit_diffusion_map(two_groups[::2], neighbours=8)
    _, members = fitted.place(two_groups[1::2])
    _, strangers = fitted.place(np.full((3, 6), 15, np.float32))
    assert np.median(members) == pytest.approx(1, abs=0.3)
    assert strangers.min() > 2 * members.max()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 13])
def test_any_number_of_frames_has_finite_coordinates(count):
    points = np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32)
    assert np.isfinite(diffusion_coordinates(points)).all()
    assert diffusion_coordinates(points).shape == (count, 2)


def test_copies_of_one_frame_have_finite_coordinates():
    copies = np.ones((60, 5), np.float32)
    assert np.isfinite(diffusion_coordinates(copies)).all()


def test_the_same_frames_have_the_same_coordinates(two_groups):
    first = diffusion_coordinates(two_groups, landmarks=80)
    assert np.array_equal(first, diffusion_coordinates(two_groups, landmarks=80))
