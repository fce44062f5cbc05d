import errno
import os
import subprocess
import sys

import pytest

from spi_viewer.errors import ExportError
from spi_viewer.exporting import part_file as module
from spi_viewer.exporting.part_file import part_file, put_in_place


@pytest.fixture
def dead_process():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_parts_of_dead_processes_are_swept_and_others_left(tmp_path, dead_process):
    host = module._HOST
    stale = tmp_path / f".old.cxi.part-{host}-{dead_process}"
    alive = tmp_path / f".other.cxi.part-{host}-{os.getppid()}"
    elsewhere = tmp_path / f".old.cxi.part-another-{dead_process}"
    unrelated = tmp_path / f"notes.part-{host}-{dead_process}"
    for path in (stale, alive, elsewhere, unrelated):
        path.touch()
    with part_file(tmp_path / "new.cxi"):
        assert not stale.exists()
        assert alive.exists()
        assert elsewhere.exists()
        assert unrelated.exists()


def test_a_part_of_an_earlier_process_with_our_number_is_swept(tmp_path):
    """In containers, where the program is nearly always process number one."""
    (tmp_path / f".a.cxi.part-{module._HOST}-{os.getpid()}").touch()
    with part_file(tmp_path / "a.cxi") as part:
        assert part.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_listed_can_be_written_to(tmp_path, monkeypatch):
    def refuse(_folder):
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(type(tmp_path), "iterdir", refuse)
        with part_file(tmp_path / "a.cxi") as part:
            assert part.exists()


def test_two_exports_to_one_name_do_not_mix(tmp_path):
    with (
        part_file(tmp_path / "a.cxi"),
        pytest.raises(ExportError, match="is being exported just now"),
        part_file(tmp_path / "a.cxi"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_without_hard_links_an_existing_file_is_still_kept(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    destination = tmp_path / "a.cxi"
    with part_file(destination) as part:
        part.write_text("new")
        put_in_place(part, destination, overwrite=False)
    assert destination.read_text() == "new"
    with part_file(destination) as part, pytest.raises(ExportError, match="exists already"):
        put_in_place(part, destination, overwrite=False)
    assert destination.read_text() == "new"


def test_a_folder_without_permission_is_named(tmp_path, monkeypatch):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write anywhere")
    with pytest.raises(ExportError, match="locked: cannot be written to"), part_file(folder / "a"):
        pass
