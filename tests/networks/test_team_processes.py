"""Processes that train together have the same weights, and none is left behind."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import torch

from spi_viewer.errors import ModelError
from spi_viewer.networks.team import leave_team
from spi_viewer.networks.team_processes import check_devices, run_team


def _meet(team, device, report):
    """Train a little on frames that differ by process; report what the team is and has."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    torch.manual_seed(1 + team.rank)
    for _ in range(3):
        optimizer.zero_grad()
        network(torch.randn(8, 3)).square().mean().backward()
        team.average_gradients(network)
        optimizer.step()
        team.average_buffers(network)
    weights = torch.cat([v.detach().flatten().float() for v in network.state_dict().values()])
    difference = float((weights - team.mean(weights.clone())).abs().max())
    own = torch.tensor([float(team.rank)])
    mean, first = float(team.mean(own.clone())), float(team.share(own.clone()))
    team.wait()
    report((team.rank, team.size, device, mean, first, difference < 1e-6))


def _leave(team, device, report):
    """Report which threads of the group are left when it has been left."""
    _meet(team, device, lambda _: None)
    leave_team()
    names = [(task / "comm").read_text() for task in Path("/proc/self/task").iterdir()]
    report([name for name in names if "gloo" in name])


def _fail_in_the_second(team, device, report, error):
    if team.rank == 1:
        raise error
    team.wait()


@pytest.fixture
def tests_on_path(monkeypatch):
    """New processes import this module by its name."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))


@pytest.mark.usefixtures("tests_on_path")
def test_a_team_has_the_same_weights_shares_values_and_only_the_first_reports():
    heard = []
    run_team(_meet, 2, "cpu", heard.append)
    assert heard == [(0, 2, "cpu", 0.5, 0.0, True)]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are listed on Linux")
@pytest.mark.usefixtures("tests_on_path")
def test_no_thread_of_the_group_is_left_to_abort_the_ending_process():
    heard = []
    run_team(_leave, 2, "cpu", heard.append)
    assert heard == [[]]


@pytest.mark.usefixtures("tests_on_path")
def test_what_one_process_raises_ends_all_and_arrives_here():
    work = functools.partial(_fail_in_the_second, error=ModelError("frames are all good"))
    with pytest.raises(ModelError, match="frames are all good"):
        run_team(work, 2, "cpu", lambda _: None)


def test_more_devices_than_there_are_are_refused():
    with pytest.raises(ModelError, match="GPUs are there"):
        check_devices(100, "auto")
    with pytest.raises(ModelError, match="at least one"):
        check_devices(0, "cpu")
