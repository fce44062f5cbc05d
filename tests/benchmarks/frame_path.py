"""What one frame costs on its way to a verdict, beside the limit of each step.

    python tests/benchmarks/frame_path.py [--side 1024] [--model MODEL] [--device cpu]

Read: `LocalReader.read_batch`, which also bins and finds masks, beside h5py alone reading the same
compressed frames. Bin: `bin_and_crop`, beside a copy of the frame in memory. Judge: a whole
classification of 64 frames, beside the multiplications of the network at the speed of a large
matrix product. One thread each; shares of the limit are in one run and hold on other machines.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from spi_viewer.networks.classifier import Classifier
from spi_viewer.paths import DEFAULT_MODEL
from spi_viewer.preprocessing.cropping import bin_and_crop, default_crop
from spi_viewer.sources.local_reader import LocalReader

_DATASET = "entry_1/data_1/data"
_FRAMES = 64
_SPENT_S = 3.0


def per_s(work: Callable[[], object], of: int = 1) -> float:
    """How often a second, times `of`; the first time does not count."""
    work()
    begin, done = time.perf_counter(), 0
    while time.perf_counter() - begin < _SPENT_S:
        work()
        done += of
    return done / (time.perf_counter() - begin)


def reading(side: int, frames: np.ndarray) -> dict[str, float]:
    """Frames a second through the reader, and through h5py alone."""
    with tempfile.TemporaryDirectory(prefix="spi-bench-") as folder:
        path = str(Path(folder) / "run.cxi")
        with h5py.File(path, "w") as file:
            file.create_dataset(
                _DATASET, data=frames, chunks=(1, side, side), **hdf5plugin.Bitshuffle(cname="lz4")
            )
        reader, crop = LocalReader(), default_crop((side, side))
        reader.describe(path)
        ours = per_s(lambda: reader.read_batch(path, None, 0, _FRAMES, crop, 0.0), _FRAMES)
        reader.close()
        with h5py.File(path, "r") as file:
            alone = per_s(lambda: [file[_DATASET][i] for i in range(_FRAMES)], _FRAMES)
    return {"frames_per_s": ours, "limit_per_s": alone}


def binning(side: int, frames: np.ndarray) -> dict[str, float]:
    """Frames a second binned to the network's size, and copied."""
    valid, crop = np.ones((side, side), bool), default_crop((side, side))
    ours = per_s(lambda: [bin_and_crop(frame, valid, crop) for frame in frames], _FRAMES)
    copy = per_s(lambda: [frame.copy() for frame in frames], _FRAMES)
    return {"frames_per_s": ours, "limit_per_s": copy}


def judging(model: str, device: str) -> dict[str, float]:
    """Frames a second judged, and as many multiplications by a matrix product."""
    classifier = Classifier.load(model, device)
    counts = np.random.default_rng(0).poisson(1.0, (_FRAMES, 128, 128)).astype(np.float32)
    valid = np.ones(counts.shape, bool)
    network = classifier._model.network
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, network.config.in_channels, 128, 128))
    operations = counter.get_total_flops()
    side = 2048
    a, b = (torch.rand(side, side, device=classifier._placement.device) for _ in range(2))

    def product() -> None:
        (a @ b).sum().item()

    peak = per_s(product) * 2 * side**3
    ours = per_s(lambda: classifier.classify(counts, valid), _FRAMES)
    return {
        "frames_per_s": ours,
        "limit_per_s": peak / operations,
        "gflop_a_frame": operations / 1e9,
        "matrix_product_gflop_per_s": peak / 1e9,
    }


def main(arguments: argparse.Namespace) -> dict[str, object]:
    torch.set_num_threads(1)
    side = arguments.side
    frames = np.random.default_rng(0).poisson(0.1, (_FRAMES, side, side)).astype(np.uint16)
    steps = {
        "read": reading(side, frames),
        "bin": binning(side, frames),
        "judge": judging(arguments.model, arguments.device),
    }
    for step in steps.values():
        step["share_of_limit"] = step["frames_per_s"] / step["limit_per_s"]
    rounded = {
        name: {key: float(f"{value:.3g}") for key, value in step.items()}
        for name, step in steps.items()
    }
    return {"side_px": side, "model": arguments.model, "device": arguments.device, **rounded}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--device", default="cpu")
    print(json.dumps(main(parser.parse_args()), indent=2))
