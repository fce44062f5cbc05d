import os
import pickle

import h5py
import numpy as np
import pytest

from spi_viewer.errors import NotReadyError, RunFileError
from spi_viewer.sources.run_file import open_run

FRAMES = np.arange(3 * 20 * 30, dtype=np.uint16).reshape(3, 20, 30)


@pytest.fixture
def good_file(tmp_path):
    path = tmp_path / "good.cxi"
    with h5py.File(path, "w") as file:
        file.create_dataset("entry_1/data_1/data", data=FRAMES, chunks=(1, 20, 30))
    return path


def refusal(path, **options) -> RunFileError:
    with pytest.raises(RunFileError) as caught:
        open_run(path, **options)
    assert str(path) in str(caught.value)
    return caught.value


def test_a_good_file_is_read_frame_by_frame(good_file):
    with open_run(str(good_file)) as run:
        assert run.info.path == str(good_file)
        assert [run.read_frame(index).tolist() for index in range(3)] == FRAMES.tolist()


def test_a_relative_path_becomes_absolute(good_file, monkeypatch):
    monkeypatch.chdir(good_file.parent)
    with open_run("good.cxi") as run:
        assert run.info.path == str(good_file)


def test_a_missing_file_is_named(tmp_path):
    assert "no such file" in refusal(tmp_path / "r0001.cxi").reason


def test_a_directory_points_to_watching(tmp_path):
    assert "directory" in refusal(tmp_path).reason


def test_an_empty_file_may_be_ready_later(tmp_path):
    path = tmp_path / "new.h5"
    path.touch()
    assert isinstance(refusal(path), NotReadyError)


@pytest.mark.parametrize("head", [b"\x89HDF", b"\0" * 100, b"\0" * 5000])
def test_a_file_whose_head_is_not_written_may_be_ready_later(tmp_path, head):
    path = tmp_path / "new.h5"
    path.write_bytes(head)
    assert isinstance(refusal(path), NotReadyError)


@pytest.mark.parametrize("fraction", [0.05, 0.3, 0.6, 0.99])
def test_a_truncated_file_may_be_ready_later(good_file, tmp_path, fraction):
    content = good_file.read_bytes()
    path = tmp_path / "torn.cxi"
    path.write_bytes(content[: int(len(content) * fraction)])
    assert isinstance(refusal(path), NotReadyError)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    path = tmp_path / "pipe.h5"
    os.mkfifo(path)
    assert "pipe" in refusal(path).reason


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no /dev/zero on this system")
def test_a_device_is_refused():
    assert "device" in refusal("/dev/zero").reason


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind this user"
)
def test_a_file_without_permission_says_so(good_file):
    good_file.chmod(0)
    assert "permission" in refusal(good_file).reason


def test_no_permission_is_told_apart_from_damage(good_file, monkeypatch):
    def deny(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", deny)
    error = refusal(good_file)
    assert "permission" in error.reason
    assert not isinstance(error, NotReadyError)


def test_a_text_file_is_no_run_file(tmp_path):
    path = tmp_path / "notes.h5"
    path.write_text("beam back at 03:10\n" * 400 + "é")
    error = refusal(path)
    assert "text file" in error.reason
    assert not isinstance(error, NotReadyError)


def test_a_csv_file_is_called_a_label_file(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("exp,run,event_num,label\namo06516,90,0,9\n")
    assert "not a run file but a table or label file" in refusal(path).reason


def test_pickled_content_is_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "sprung"),))

    numpy_file, pickle_file = tmp_path / "run.npy", tmp_path / "run.h5"
    np.save(numpy_file, np.array([Trap()], dtype=object), allow_pickle=True)
    pickle_file.write_bytes(pickle.dumps(Trap()))
    for path in (numpy_file, pickle_file):
        assert "not read" in refusal(path).reason
    assert not (tmp_path / "sprung").exists()


def test_unknown_binary_content_is_refused(tmp_path):
    path = tmp_path / "noise.h5"
    path.write_bytes(bytes(range(256)) * 64)
    assert "format is not known" in refusal(path).reason


def test_a_user_block_before_the_signature_is_no_obstacle(tmp_path):
    path = tmp_path / "block.h5"
    with h5py.File(path, "w", userblock_size=1024) as file:
        file["data/data"] = FRAMES
    with path.open("r+b") as raw:
        raw.write(b"made at the beamline")
    with open_run(path) as run:
        assert run.info.frame_count == 3


def test_a_name_that_is_no_path_is_refused():
    with pytest.raises(RunFileError):
        open_run("run\0.h5")


def test_a_missing_frame_is_refused(good_file):
    with open_run(good_file) as run:
        for index in (-1, 3):
            with pytest.raises(RunFileError, match="no frame"):
                run.read_frame(index)


def test_a_closed_run_opens_again_when_it_is_asked(good_file):
    run = open_run(good_file)
    run.close()
    run.close()
    assert run.read_frame(2).tolist() == FRAMES[2].tolist()
    run.close()
