"""How a network does on frames of a simulator that shares no code with the one it learned from.

    python tests/benchmarks/second_simulator.py [--model best] [--frames 400] [--seed 2]

Bodies of voxels, most of them of no family in `spi_viewer/simulation`, are projected on a flat
Ewald sphere and transformed exactly at the pixels' centres. Four sets, each with more of a real
detector in it: photons alone; with a beam stop and a gap; with background; with read noise, common
mode, arm and a full well. Each is written as a CXI file and judged by `spi-viewer classify`.

Only faults are to be looked for here: not a set to choose a model by, nor to learn from.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Array = NDArray[np.float64]

SIDE = 256
VOXELS = 72
SETS = ("photons", "stop", "background", "camera")
CLASSES = ("single", "multi", "non-sample", "blank")
PERIODS = (9.0, 40.0)  # fringes across the frame: 3.2 pixels of the network each, and more
MOST_APART = 50.0  # periods across the frame of a pair's fringes, 2.6 pixels of the network each
GOLDEN = (1 + 5**0.5) / 2


def _dodecahedron_corners() -> Array:
    signs = (1, -1)
    cube = [[a, b, c] for a in signs for b in signs for c in signs]
    more = [[0, a / GOLDEN, b * GOLDEN] for a in signs for b in signs]
    every = np.array(cube + more + [r[1:] + r[:1] for r in more] + [r[2:] + r[:2] for r in more])
    return every / np.linalg.norm(every[0])


FACES = _dodecahedron_corners()  # the directions of an icosahedron's faces
AXIS = (np.arange(VOXELS) + 0.5) / VOXELS * 2 - 1
PLACES = np.stack(np.meshgrid(AXIS, AXIS, AXIS, indexing="ij"), -1).reshape(-1, 3)
PIXELS = np.arange(SIDE) - (SIDE - 1) / 2


def _across(p: Array) -> Array:
    return np.hypot(p[:, 0], p[:, 1])


def icosahedron(p: Array) -> Array:
    return (p @ FACES.T).max(1) < 0.79


def shell(p: Array) -> Array:
    return icosahedron(p) - 0.45 * (np.linalg.norm(p, axis=1) < 0.6)


def phage(p: Array) -> Array:
    head = ((p - [0, 0, 0.5]) @ FACES.T).max(1) < 0.38
    tail = (_across(p) < 0.1) & (p[:, 2] < 0.2) & (p[:, 2] > -0.95)
    return head | tail


def barrel(p: Array) -> Array:
    return (_across(p) < 0.65) & (_across(p) > 0.25) & (abs(p[:, 2]) < 0.7)


def plate(p: Array) -> Array:
    turn = np.arange(6) * np.pi / 3
    return ((p[:, :2] @ [np.cos(turn), np.sin(turn)]).max(1) < 0.8) & (abs(p[:, 2]) < 0.25)


def cylinder(p: Array) -> Array:
    return (_across(p) < 0.45) & (abs(p[:, 2]) < 0.85)


def cube(p: Array) -> Array:
    return abs(p).max(1) < 0.57


def ball(p: Array) -> Array:
    return np.linalg.norm(p, axis=1) < 0.95


def cage(p: Array) -> Array:
    return ball(p) & (np.linalg.norm(p, axis=1) > 0.75)


BODIES: dict[str, Callable[[Array], Array]] = {
    body.__name__: body
    for body in (icosahedron, shell, phage, barrel, plate, cylinder, cube, ball, cage)
}


@dataclass
class FrameSet:
    """Frames (N, 256, 256), their mask, and what they show."""

    frames: list[Array] = field(default_factory=list)
    masks: list[NDArray[np.bool_]] = field(default_factory=list)
    frame_class: list[int] = field(default_factory=list)
    periods: list[float] = field(default_factory=list)


class Simulator:
    """Draws frames of one of SETS."""

    def __init__(self, name: str, seed: int) -> None:
        self._random = np.random.default_rng([seed, SETS.index(name)])
        self._level = SETS.index(name)

    def draw(self, count: int) -> FrameSet:
        """So many frames: half hits on one particle, a third on several."""
        drawn = FrameSet()
        for kind in self._random.choice(len(CLASSES), count, p=(0.45, 0.33, 0.16, 0.06)):
            periods = self._random.uniform(*PERIODS)
            middle = self._random.normal(0.0, 2.5 if self._level else 0.0, 2)
            photons = 10 ** self._random.uniform(4.0, 6.0)
            light = (self._hit, self._hit, self._smooth, lambda *_: np.zeros((SIDE, SIDE)))[kind](
                middle, periods, kind == 1
            )
            light *= photons / max(light.sum(), 1e-12)
            counts, valid = self._detected(light, middle)
            drawn.frames.append(counts)
            drawn.masks.append(~valid)
            drawn.frame_class.append(int(kind))
            drawn.periods.append(periods)
        return drawn

    def _hit(self, middle: Array, periods: float, several: bool) -> Array:
        body = list(BODIES.values())[self._random.integers(len(BODIES))]
        amplitude = self._amplitude(body, middle, periods)
        for _ in range(self._random.choice((1, 2, 3), p=(0.7, 0.2, 0.1)) if several else 0):
            apart = min(periods * self._random.uniform(1.0, 2.2), MOST_APART)
            turn = self._random.uniform(0, 2 * np.pi)
            along = [np.sin(turn), np.cos(turn)] @ self._q(middle)
            phase = np.exp(-2j * np.pi * apart * along)
            weight = np.sqrt(self._random.uniform(0.25, 1.0))
            amplitude = amplitude + weight * self._amplitude(body, middle, periods) * phase
        return np.abs(amplitude) ** 2

    def _q(self, middle: Array) -> Array:
        """(2, S, S) as (y, x), in frames."""
        return np.stack(np.meshgrid(*(PIXELS - m for m in middle), indexing="ij"), 1).T / SIDE

    def _amplitude(self, body: Callable[[Array], Array], middle: Array, periods: float) -> Array:
        turned = PLACES @ np.linalg.qr(self._random.normal(size=(3, 3)))[0]
        projected = body(turned).astype(float).reshape(VOXELS, VOXELS, VOXELS).sum(2)
        places = AXIS * periods / 2 / SIDE
        rows, columns = (np.exp(-2j * np.pi * np.outer(PIXELS - m, places)) for m in middle)
        return rows @ (projected / projected.sum()) @ columns.T

    def _smooth(self, middle: Array, _periods: float, _several: bool) -> Array:
        """A streak, a broad blob, or the core of a droplet too large for its rings."""
        y, x = np.meshgrid(*((PIXELS - m) / SIDE for m in middle), indexing="ij")
        kind, turn = self._random.integers(3), self._random.uniform(0, np.pi)
        if kind == 0:
            along = abs(x * np.cos(turn) + y * np.sin(turn))
            across = y * np.cos(turn) - x * np.sin(turn)
            return np.exp(-((across / 0.006) ** 2)) / (along + 0.01) ** 1.5
        lopsided = np.exp(self._slow(self._random.uniform(0.0, 0.4)))
        if kind == 1:
            return np.exp(-(x**2 + y**2) / 2 / self._random.uniform(0.05, 0.25) ** 2) * lopsided
        return lopsided / (np.hypot(x, y) + 0.01) ** 4

    def _slow(self, sigma: float) -> Array:
        smooth = gaussian_filter(self._random.normal(size=(SIDE, SIDE)), 35)
        return sigma * smooth / smooth.std()

    def _detected(self, light: Array, middle: Array) -> tuple[Array, NDArray[np.bool_]]:
        random, y, x = self._random, PIXELS[:, None] - middle[0], PIXELS - middle[1]
        valid = np.ones((SIDE, SIDE), bool)
        if self._level >= 2:
            halo = np.exp(-np.hypot(y, x) / random.uniform(20, 80))
            light = light + halo / halo.sum() * 10 ** random.uniform(2.0, 4.2)
            light = (light + 10 ** random.uniform(-3, -1)) * np.exp(self._slow(0.15))
        if self._level >= 1:
            light = light * (np.hypot(y, x) > random.uniform(4, 10))
            first, width = SIDE // 2 - random.integers(1, 5), random.integers(2, 10)
            valid[:, first : first + width] = False
        if self._level >= 3 and random.random() < 0.5:
            light = light * ~((abs(y) < random.uniform(2, 5)) & (x > 0))
        counts = random.poisson(light).astype(float)
        if self._level >= 3:
            counts = gaussian_filter(counts, 0.35) + random.normal(0, 0.3, counts.shape)
            counts += random.normal(0, 0.05, (SIDE, 1))
            counts = np.minimum(counts, random.choice((1e9, 3000.0, 500.0)))
        return np.where(valid, counts, 0.0), valid


def judge(drawn: FrameSet, model: str, folder: Path) -> NDArray[np.bool_]:
    """Which frames `spi-viewer classify` calls good, (N,)."""
    run, scores = folder / "run.cxi", folder / "scores.csv"
    with h5py.File(run, "w") as file:
        file["entry_1/data_1/data"] = np.array(drawn.frames, np.float32)
        file["entry_1/data_1/mask"] = np.array(drawn.masks) * np.uint32(512)  # CXI: a bad pixel
    command = ["spi-viewer", "classify", str(run), "--model", model, "--output", str(scores)]
    subprocess.run(command, check=True, capture_output=True)
    with scores.open() as file:
        rows = list(csv.DictReader(file))
    run.unlink()
    scores.unlink()
    return np.array([row["verdict"] == "good" for row in rows])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="best")
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--seed", type=int, default=2)
    arguments = parser.parse_args()
    print("set         single called bad  of <= 26, > 26 fringes   multi, non-sample, blank good")
    for name in SETS:
        drawn = Simulator(name, arguments.seed).draw(arguments.frames)
        with tempfile.TemporaryDirectory() as folder:
            good = judge(drawn, arguments.model, Path(folder))
        kind, many = np.array(drawn.frame_class), np.array(drawn.periods) > 26
        bad = 100 * (1 - good)
        lost = [bad[(kind == 0) & part].mean() for part in (kind >= 0, ~many, many)]
        passed = [100 * good[kind == number].mean() for number in (1, 2, 3)]
        print(f"{name:12}{lost[0]:8.1f} %{lost[1]:17.1f} %{lost[2]:8.1f} %", end="")
        print("".join(f"{value:10.1f} %" for value in passed), flush=True)


if __name__ == "__main__":
    main()
