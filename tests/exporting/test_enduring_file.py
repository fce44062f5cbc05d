import errno

import h5py
import numpy as np
import pytest

from spi_viewer.exporting.enduring_file import EnduringFile


def test_hdf5_writes_a_plain_file_through_it(tmp_path):
    path = tmp_path / "a.h5"
    numbers = np.arange(10_000).reshape(100, 100)
    with EnduringFile(path) as raw:
        with h5py.File(raw, "w") as file:
            file.create_dataset("n", data=numbers, chunks=(1, 100), compression="gzip")
            assert file["n"][3, 4] == 304
        raw.check()
    with h5py.File(path) as file:
        assert np.array_equal(file["n"][()], numbers)


def test_a_failed_write_is_kept_for_who_asks(tmp_path, monkeypatch):
    class FullDisk:
        def seek(self, position):
            return position

        def write(self, content):
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self):
            pass

    raw = EnduringFile(tmp_path / "a.h5")
    raw._file.close()
    raw._file = FullDisk()
    with h5py.File(raw, "w") as file:
        file["n"] = np.arange(100_000)
    with pytest.raises(OSError, match="No space left"):
        raw.check()
    raw.close()
