"""Several processes that train one network: each on frames of its own, all with equal weights."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

# While the first process judges an epoch the others wait for it.
_PATIENCE = timedelta(hours=2)


class Team:
    """One process's place among those that train together; alone by default.

    Attributes:
        rank: number of this process, from 0. The first one judges, writes and reports.
        size: number of processes.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def is_first(self) -> bool:
        """True for the process that judges, writes and reports."""
        return self.rank == 0

    def average_gradients(self, network: nn.Module) -> None:
        """Average what each process learned from its own frames, after its backward pass."""
        if self.size > 1:
            self._average([p.grad for p in network.parameters() if p.grad is not None])

    def average_buffers(self, network: nn.Module) -> None:
        """Average the batch norms' statistics: each process saw frames of its own.

        Batches are normalised within each process, as they would be on one device; only the
        running statistics, which the finished model uses, are shared.
        """
        if self.size > 1:
            self._average([b for b in network.buffers() if b.is_floating_point()])

    def mean(self, value: Tensor) -> Tensor:
        """The mean over the team."""
        if self.size > 1:
            dist.all_reduce(value)
            value /= self.size
        return value

    def share(self, value: Tensor) -> Tensor:
        """The first process's value, in all of them."""
        if self.size > 1:
            dist.broadcast(value, 0)
        return value

    def wait(self) -> None:
        """Go on when all have come here."""
        if self.size > 1:
            dist.barrier()

    def _average(self, tensors: list[Tensor]) -> None:
        """Replace each tensor by its mean over the team; all in one message."""
        joined = self.mean(torch.cat([tensor.flatten() for tensor in tensors]))
        for tensor, mean in zip(tensors, joined.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))


ALONE = Team()


def join_team(rank: int, size: int, place: torch.device, meeting_file: Path) -> Team:
    """Meet the other processes through a file that does not exist yet; for `leave_team` later."""
    # The first optimiser step imports it, and what it imports keeps the group of that moment in
    # default arguments: gloo's threads would outlive the group and may abort the ending process.
    import torch._dynamo

    if place.type == "cuda":
        torch.cuda.set_device(place)
    dist.init_process_group(
        "nccl" if place.type == "cuda" else "gloo",
        init_method=f"file://{meeting_file}",
        rank=rank,
        world_size=size,
        timeout=_PATIENCE,
    )
    return Team(rank, size)


def leave_team() -> None:
    """Let go of the other processes."""
    if dist.is_initialized():
        dist.destroy_process_group()
