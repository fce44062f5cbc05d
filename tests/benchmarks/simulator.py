"""Frames a second of the simulator, beside what its arithmetic is made of.

    python tests/benchmarks/simulator.py [--side 256] [--frames 512] [--processes 2] [--device cpu]

One process a core simulates a mixture of all families, classes and detectors. In the same run, on
as many cores: complex sines and cosines (the form factors' work), two-dimensional FFTs of a frame's
size, and Poisson draws, each as frames of that size a second. The ratios say how many such passes
a frame costs; they hold on other machines, the frames a second do not.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable

import torch

from spi_viewer.simulation.dataset import simulate_frames
from spi_viewer.simulation.particles import FAMILIES

_PASS_FRAMES = 64
_PASS_S = 3.0


def simulate(frames: int, side: int, device: str, first: int) -> float:
    """Seconds for frames [first, first + frames) of one endless set."""
    begin = time.perf_counter()
    simulate_frames(sorted(FAMILIES), frames, seed=1, device=device, side_px=side, first=first)
    _wait(device)
    return time.perf_counter() - begin


def passes_per_s(work: Callable[[], object], device: str) -> float:
    """Frames a second of a pass over `_PASS_FRAMES` frames, repeated for some seconds."""
    work()
    _wait(device)
    begin, done = time.perf_counter(), 0
    while time.perf_counter() - begin < _PASS_S:
        work()
        _wait(device)
        done += _PASS_FRAMES
    return done / (time.perf_counter() - begin)


def measure(job: tuple[int, int, str, int, object]) -> dict[str, float]:
    """All figures of one process; the others measure the same at the same time."""
    frames, side, device, number, barrier = job
    torch.set_num_threads(1)
    simulate(_PASS_FRAMES, side, device, 0)
    barrier.wait()
    simulated = frames / simulate(frames, side, device, number * frames)
    phase = 40 * torch.rand(_PASS_FRAMES, side, side, device=device)
    amplitude = torch.polar(torch.ones_like(phase), phase)
    rate = 0.5 * torch.rand_like(phase)
    barrier.wait()
    return {
        "simulator": simulated,
        "sine and cosine": passes_per_s(lambda: torch.polar(rate, phase), device),
        "complex FFT": passes_per_s(lambda: torch.fft.fft2(amplitude), device),
        "Poisson draw": passes_per_s(lambda: torch.poisson(rate), device),
    }


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def _worker(job, answers) -> None:
    answers.put(measure(job))


def main(arguments: argparse.Namespace) -> dict[str, object]:
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(arguments.processes), context.Queue()
    workers = [
        context.Process(
            target=_worker,
            args=((arguments.frames, arguments.side, arguments.device, number, barrier), answers),
        )
        for number in range(arguments.processes)
    ]
    for worker in workers:
        worker.start()
    each = [answers.get() for _ in workers]
    for worker in workers:
        worker.join()
    rates = {name: sum(one[name] for one in each) for name in each[0]}
    simulator = rates["simulator"]
    return {
        "side_px": arguments.side,
        "processes": arguments.processes,
        "device": arguments.device,
        "frames_per_s": {name: round(rate, 1) for name, rate in rates.items()},
        "passes_a_simulated_frame_costs": {
            name: round(rate / simulator, 1) for name, rate in rates.items() if name != "simulator"
        },
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--frames", type=int, default=512, help="of each process")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    print(json.dumps(main(parser.parse_args()), indent=2))
