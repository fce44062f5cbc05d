from __future__ import annotations

import os

import pytest

from spi_viewer.sources.reader import LocalReader


def names(directory):
    return [os.path.basename(file.path) for file in LocalReader().list_files(str(directory))]


def test_the_parts_of_a_master_are_not_runs_of_their_own(tmp_path):
    for name in ("x_master.h5", "x_data_000001.h5", "x_data_000002.h5", "y_data_000001.h5"):
        (tmp_path / name).write_bytes(b"1234")
    assert sorted(names(tmp_path)) == ["x_master.h5", "y_data_000001.h5"]


def test_a_master_changes_with_its_parts(tmp_path):
    master, part = tmp_path / "x_master.h5", tmp_path / "x_data_000001.h5"
    master.write_bytes(b"1234")
    part.write_bytes(b"1234")
    os.utime(master, (1000, 1000))
    os.utime(part, (2000, 2000))
    (listed,) = LocalReader().list_files(str(tmp_path))
    assert listed.mtime_s == pytest.approx(2000)
    assert listed.size_bytes == 8
