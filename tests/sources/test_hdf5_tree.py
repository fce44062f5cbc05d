"""What is in a file, found in one pass, against what HDF5 says of each path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from spi_viewer.sources import hdf5_tree
from spi_viewer.sources.hdf5_file import BrokenLinkError, find_dataset
from spi_viewer.sources.hdf5_tree import Hdf5Tree

PATHS = (
    "/entry_1/instrument_1/detector_1/data",
    "entry_1/instrument_1/detector_1/mask/",
    "/entry_1/data_1/data",  # through a soft link
    "/entry_1/data_2/data",  # through a second name of the same group
    "/entry_1/data_3/data",  # a link that leads nowhere
    "/entry_1/alias",
    "/entry_1/instrument_1/detector_1",  # a group
    "/entry_1/instrument_1/detector_1/data/deeper",  # below a dataset
    "/entry_1/empty/data",
    "/entry_1/away/data",  # in a file that is not there
    "/entry_1/beside/data",  # in a file that is
    "/entry_1/größe",
    "/entry_1/gr",
    "/nothing/at/all",
)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[h5py.File]:
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["frames/data"] = np.zeros(3)
    with h5py.File(tmp_path / "run.h5", "w") as made:
        detector = made.create_group("entry_1/instrument_1/detector_1")
        detector["data"] = np.zeros((2, 8, 8))
        detector["mask"] = np.zeros((8, 8))
        made["entry_1/data_1"] = h5py.SoftLink("/entry_1/instrument_1/detector_1")
        made["entry_1/data_2"] = detector
        made["entry_1/data_3"] = h5py.SoftLink("/nowhere")
        made["entry_1/alias"] = h5py.SoftLink("/entry_1/data_1/data")
        made["entry_1/größe"] = 1.0
        made.create_group("entry_1/empty")
        made["entry_1/away"] = h5py.ExternalLink("gone.h5", "/frames")
        made["entry_1/beside"] = h5py.ExternalLink("other.h5", "/frames")
    with h5py.File(tmp_path / "run.h5", "r") as opened:
        yield opened


@pytest.mark.parametrize("most_links", [2000, 3])
def test_every_path_is_found_exactly_if_it_is_there(
    file: h5py.File, monkeypatch: pytest.MonkeyPatch, most_links: int
) -> None:
    monkeypatch.setattr(hdf5_tree, "_MAX_LINKS", most_links)
    tree = Hdf5Tree(file)
    for path in PATHS:
        expected, found = find_dataset(file, path), tree.dataset(path)
        assert (found is None) == (expected is None), path
        assert found == expected


def test_names_are_matched_in_the_order_of_their_numbers_and_through_links(file: h5py.File) -> None:
    tree = Hdf5Tree(file)
    assert tree.matching("", "entry_*") == ["/entry_1"]
    assert tree.matching("/entry_1", "data_*") == [f"/entry_1/data_{n}" for n in (1, 2, 3)]
    for group in ("/entry_1/data_1", "/entry_1/data_2"):
        assert tree.matching(group, "data") == [f"{group}/data"]
        assert tree.matching(group, "photons") == []
    assert tree.matching("/entry_1/beside", "*") == ["/entry_1/beside/data"]
    assert tree.matching("/entry_1/empty", "*") == []
    assert tree.matching("/entry_1/alias", "*") == []


def test_a_link_that_leads_nowhere_is_told(file: h5py.File) -> None:
    tree = Hdf5Tree(file)
    with pytest.raises(BrokenLinkError, match=r"gone\.h5"):
        tree.find("/entry_1/away/data")
    with pytest.raises(BrokenLinkError):
        tree.matching("/entry_1/data_3", "data")


def test_an_empty_file_has_nothing(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "empty.h5", "w") as made:
        tree = Hdf5Tree(made)
        assert tree.matching("", "*") == []
        assert tree.dataset("/entry_1/data_1/data") is None
