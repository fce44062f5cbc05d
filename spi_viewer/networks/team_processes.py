"""One process a device for a training in a team: started, listened to, and never left behind."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.multiprocessing as mp
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from spi_viewer.errors import ModelError, SpiViewerError
from spi_viewer.networks.devices import choose_device
from spi_viewer.networks.team import Team, join_team, leave_team

_POLL_S = 0.1
_PATIENCE_S = 10.0  # for processes that were interrupted with us and are saving


class TeamWork(Protocol):
    """What each process does; it is pickled, so a function of a module or a partial of one."""

    def __call__(self, team: Team, device: str, report: Callable[[Any], None]) -> object:
        """Work on `device`; what is reported arrives in the process that started the team."""


def check_devices(devices: int, device: str) -> None:
    """Raise ModelError if there are fewer devices than asked for. A CPU may be asked for often."""
    if devices < 1:
        raise ModelError("a training needs at least one device")
    if devices == 1 or device == "cpu":
        return
    found = torch.cuda.device_count()
    if ":" in device or found < devices:
        raise ModelError(
            f"{devices} devices were asked for and {found} GPUs are there for {device!r}; "
            "ask for fewer, or for processes on the CPU with device cpu"
        )


def run_team(work: TeamWork, devices: int, device: str, report: Callable[[Any], None]) -> None:
    """Work in `devices` processes, one a GPU, or all on the CPU where `device` is cpu.

    What the first process reports is handed to `report` here. Raises what one of them raised
    (SpiViewerError), or ModelError if one died; the others are ended then.
    """
    check_devices(devices, device)
    with tempfile.TemporaryDirectory(prefix="spi-viewer-team-") as folder:
        mailbox: Any = mp.get_context("spawn").SimpleQueue()
        meeting_file = Path(folder) / "meeting"
        processes = mp.start_processes(
            _member,
            (devices, device, meeting_file, work, mailbox),
            devices,
            join=False,
            start_method="spawn",
        )
        failures: list[SpiViewerError] = []

        def read_mail() -> None:
            while not mailbox.empty():
                message = mailbox.get()
                if isinstance(message, SpiViewerError):
                    failures.append(message)
                else:
                    report(message)

        try:
            while not processes.join(timeout=_POLL_S):
                read_mail()
            read_mail()
        except (ProcessExitedException, ProcessRaisedException) as error:
            read_mail()
            raise (failures[0] if failures else _died(error)) from error
        finally:
            _end(processes.processes)
            for file in processes.error_files:  # torch leaves those of all but one
                Path(file).unlink(missing_ok=True)
            mailbox.close()


def _died(error: Exception) -> ModelError:
    last_line = str(error).strip().splitlines()[-1]
    return ModelError(
        f"a process of the training ended before its time ({last_line}); "
        "the same command goes on from the last epoch"
    )


def _end(processes: list[Any]) -> None:
    """Give each its time, then end it."""
    for process in processes:
        process.join(_PATIENCE_S if process.is_alive() else 0)
        if process.is_alive():
            process.kill()
            process.join()


def _member(
    rank: int, size: int, device: str, meeting_file: Path, work: TeamWork, mailbox: Any
) -> None:
    """The whole life of one process."""
    place = choose_device(device)
    if place.type == "cuda":
        place = torch.device("cuda", rank)
    else:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // size))
        if sys.platform == "linux":  # the host's name may not resolve; all are on this machine
            os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    try:
        team = join_team(rank, size, place, meeting_file)
        work(team, str(place), mailbox.put if team.is_first else _tell_nobody)
    except SpiViewerError as error:
        mailbox.put(error)
        sys.exit(1)
    finally:
        leave_team()


def _tell_nobody(_message: object) -> None:
    pass
