from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_viewer.sources import directory_listing
from spi_viewer.sources.directory_listing import DirectoryListing
from spi_viewer.sources.local_reader import LocalReader


def names(directory):
    return [os.path.basename(file.path) for file in LocalReader().list_files(str(directory))]


def test_the_parts_of_a_master_are_not_runs_of_their_own(tmp_path):
    for name in ("x_master.h5", "x_data_000001.h5", "x_data_000002.h5", "y_data_000001.h5"):
        (tmp_path / name).write_bytes(b"1234")
    assert sorted(names(tmp_path)) == ["x_master.h5", "y_data_000001.h5"]


def test_a_file_of_several_names_is_listed_once(tmp_path):
    (tmp_path / "run1.cxi").write_bytes(b"x" * 100)
    (tmp_path / "latest.cxi").symlink_to("run1.cxi")
    os.link(tmp_path / "run1.cxi", tmp_path / "copy.cxi")
    (tmp_path / "run2.cxi").write_bytes(b"y" * 100)
    assert len(LocalReader().list_files(str(tmp_path))) == 2


def test_a_master_changes_with_its_parts(tmp_path):
    master, part = tmp_path / "x_master.h5", tmp_path / "x_data_000001.h5"
    master.write_bytes(b"1234")
    part.write_bytes(b"1234")
    os.utime(master, (1000, 1000))
    os.utime(part, (2000, 2000))
    (listed,) = LocalReader().list_files(str(tmp_path))
    assert listed.mtime_s == pytest.approx(2000)
    assert listed.size_bytes == 8


def test_among_many_files_those_that_rest_are_asked_for_less_often(tmp_path, monkeypatch):
    monkeypatch.setattr(directory_listing, "_MANY_FILES", 2)
    monkeypatch.setattr(directory_listing, "_FILES_A_TURN", 1)
    now = [0.0]
    listing = DirectoryListing(str(tmp_path), clock=lambda: now[0])
    for name in ("a.h5", "b.h5", "c.h5"):
        (tmp_path / name).write_bytes(b"1234")

    def sizes():
        now[0] += 0.25
        return {os.path.basename(file.path): file.size_bytes for file in listing.files()}

    assert sizes() == {"a.h5": 4, "b.h5": 4, "c.h5": 4}
    (tmp_path / "a.h5").write_bytes(b"123456")  # a change is seen at once while it is new
    assert sizes()["a.h5"] == 6
    now[0] += 60.0
    sizes()
    (tmp_path / "a.h5").write_bytes(b"12345678")
    (tmp_path / "b.h5").unlink()
    (tmp_path / "d.h5").write_bytes(b"12")
    first = sizes()
    assert "b.h5" not in first
    assert first["d.h5"] == 2
    assert any(sizes()["a.h5"] == 8 for _ in range(8))
    (tmp_path / "a.h5").write_bytes(b"1")  # now that it goes on changing
    assert sizes()["a.h5"] == 1


def test_a_listing_asks_for_no_more_files_however_many_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(directory_listing, "_MANY_FILES", 100)
    monkeypatch.setattr(directory_listing, "_FILES_A_TURN", 50)
    now, asked = [0.0], []
    listing = DirectoryListing(str(tmp_path), clock=lambda: now[0])
    ask = directory_listing._stat_of
    monkeypatch.setattr(directory_listing, "_stat_of", lambda p: (asked.append(p), ask(p))[1])
    for number in range(400):
        (tmp_path / f"{number:03d}.h5").write_bytes(b"1234")
    listing.files()
    now[0], seen = 60.0, set()
    for _ in range(9):
        asked.clear()
        assert len(listing.files()) == 400
        assert len(asked) <= 50
        seen |= set(asked)
    assert len(seen) == 400


def test_among_few_files_every_change_is_seen_at_once(tmp_path):
    now = [0.0]
    listing = DirectoryListing(str(tmp_path), clock=lambda: now[0])
    (tmp_path / "a.h5").write_bytes(b"1234")
    assert listing.files()[0].size_bytes == 4
    now[0] = 1000.0
    (tmp_path / "a.h5").write_bytes(b"12")
    assert listing.files()[0].size_bytes == 2


def basenames(paths):
    return sorted(os.path.basename(path) for path in paths)


def news(listing, since):
    changes = listing.changes(since)
    return basenames(file.path for file in changes.files), basenames(changes.vanished), changes


def test_only_what_changed_is_listed_again(tmp_path):
    listing = DirectoryListing(str(tmp_path))
    for name in ("a.h5", "b.h5", "notes.txt"):
        (tmp_path / name).write_bytes(b"1234")
    new, gone, first = news(listing, 0)
    assert (new, gone, first.is_full) == (["a.h5", "b.h5"], [], True)
    new, gone, second = news(listing, first.state)
    assert (new, gone, second.is_full) == ([], [], False)
    (tmp_path / "a.h5").write_bytes(b"123456")
    (tmp_path / "b.h5").unlink()
    (tmp_path / "c.h5").write_bytes(b"1")
    new, gone, third = news(listing, second.state)
    assert (new, gone, third.is_full) == (["a.h5", "c.h5"], ["b.h5"], False)


def test_who_missed_a_listing_gets_all_of_it(tmp_path):
    listing = DirectoryListing(str(tmp_path))
    (tmp_path / "a.h5").write_bytes(b"1234")
    first = listing.changes(0)
    listing.changes(first.state)  # somebody else asks, or an answer is lost
    (tmp_path / "b.h5").write_bytes(b"1234")
    new, gone, late = news(listing, first.state)
    assert (new, gone, late.is_full) == (["a.h5", "b.h5"], [], True)
    new, gone, other = news(DirectoryListing(str(tmp_path)), late.state)  # of a new process
    assert (new, gone, other.is_full) == (["a.h5", "b.h5"], [], True)


def test_with_masters_all_is_listed_as_they_stand_for_others(tmp_path):
    listing = DirectoryListing(str(tmp_path))
    for name in ("x_master.h5", "x_data_000001.h5"):
        (tmp_path / name).write_bytes(b"1234")
    first = listing.changes(0)
    (tmp_path / "x_data_000001.h5").write_bytes(b"12345678")
    (master,) = listing.changes(first.state).files
    assert (os.path.basename(master.path), master.size_bytes) == ("x_master.h5", 12)


@given(
    steps=st.lists(
        st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3)), max_size=3), max_size=6
    )
)
def test_changes_add_up_to_the_listing(tmp_path_factory, steps):
    """Whatever files are written, grow, shrink and vanish in."""
    directory = tmp_path_factory.mktemp("run")
    listing, state, known = DirectoryListing(str(directory)), 0, {}
    for step in steps:
        for name, size in step:
            path = directory / f"{name}.h5"
            path.write_bytes(b"x" * size) if size else path.unlink(missing_ok=True)
        changes = listing.changes(state)
        state = changes.state
        if changes.is_full:
            known.clear()
        for path in changes.vanished:
            del known[path]
        known.update({file.path: file for file in changes.files})
        assert sorted(known.values()) == sorted(DirectoryListing(str(directory)).files())
