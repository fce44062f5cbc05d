"""Labels find their frames, whoever wrote them, and never by guessing."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from spi_viewer.errors import LabelError, SpiViewerError
from spi_viewer.frames import FrameClass
from spi_viewer.labelled_frames import (
    BAD_OF_SOME_KIND,
    few_of_each_class,
    labelled_runs,
    parse_label_names,
    parts_by_event,
    unlabelled_runs,
)
from spi_viewer.sources import reader_process
from spi_viewer.sources.local_reader import LocalReader

SINGLE, MULTI, NON_SAMPLE, BLANK = FrameClass
DATASET = "/entry_1/data_1/data"


@pytest.fixture(autouse=True)
def read_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_process, "ReaderProcess", lambda timeout_s: LocalReader())


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Six frames of 64 x 64; frame k has the photons 64 * 64 * (k + 1)."""
    path = tmp_path / "run.h5"
    with h5py.File(path, "w") as file:
        pixels = np.ones((6, 64, 64), np.uint16) * np.arange(1, 7, dtype=np.uint16)[:, None, None]
        file.create_dataset(DATASET, data=pixels, chunks=(1, 64, 64))
        names = [b"exp:7:100", b"exp:7:101", b"exp:7:102", b"exp:7:103", b"exp:7:100", b"exp:8:1"]
        file["entry_1/experiment_identifier"] = names
    return path


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    return path


def indexes(frames) -> list[int]:
    return [one.index for one in frames.ids]


def test_a_table_by_place_finds_exactly_its_frames(run, tmp_path):
    text = f"file,dataset,frame,label\n{run},{DATASET},4,multi\n{run.name},,1,single\n"
    frames = labelled_runs([run], table(tmp_path, text + "other.h5,,99,multi\n"))
    assert indexes(frames) == [1, 4]
    assert frames.frame_class.tolist() == [SINGLE, MULTI]
    assert frames.photons.tolist() == [64 * 64 * 2, 64 * 64 * 5]
    assert frames.counts.shape == (2, 128, 128)
    assert frames.counts[1, 64, 64] > frames.counts[0, 64, 64] > 0


def test_a_table_of_the_facility_finds_frames_by_event_and_tells_what_it_leaves_out(run, tmp_path):
    text = (
        "exp,run,event_num,label\nexp,7,100,1\nexp,7,102,0\nexp,7,103,4\nexp,8,1,9\nexp,9,100,2\n"
    )
    frames = labelled_runs([run], table(tmp_path, text))
    assert indexes(frames) == [0, 2, 4, 5]  # both views of event 100
    assert frames.frame_class.tolist() == [SINGLE, NON_SAMPLE, SINGLE, BLANK]
    assert frames.event[0] == frames.event[2] != frames.event[1]
    assert any("1 of '4'" in note for note in frames.notes)


@pytest.mark.parametrize(
    "names", ['{"0": "non-sample", "1": "single", "2": "multi"}', "0 non-sample, 1 single, 2 multi"]
)
def test_labels_in_the_run_say_themselves_what_they_mean(names, run):
    with h5py.File(run, "a") as file:
        file["labels/class"] = np.array([2, 1, 0, 0, 1, 2], np.int8)
        file["labels/class"].attrs["names"] = names
    frames = labelled_runs([run])
    wanted = [MULTI, SINGLE, NON_SAMPLE, NON_SAMPLE, SINGLE, MULTI]
    assert frames.frame_class.tolist() == wanted


def test_numbers_without_a_meaning_are_refused_until_it_is_said(run, tmp_path):
    with h5py.File(run, "a") as file:
        file["labels/class"] = np.array([0, 0, 0, 1, 1, 1], np.int8)
    with pytest.raises(LabelError, match="--label-names"):
        labelled_runs([run])
    names = parse_label_names("0=single, 1=multi")
    assert labelled_runs([run], names=names).frame_class.tolist() == [SINGLE] * 3 + [MULTI] * 3
    numbers = table(tmp_path, "file,dataset,frame,label\nrun.h5,,0,0\nrun.h5,,1,1\n")
    with pytest.raises(LabelError, match="--label-names"):
        labelled_runs([run], numbers)
    assert labelled_runs([run], numbers, names=names).frame_class.tolist() == [SINGLE, MULTI]


def test_an_operator_s_good_and_bad_are_enough_for_who_asks_no_more(run):
    with h5py.File(run, "a") as file:
        file["spi_viewer/label"] = np.array([-1, 0, 1, -1, 0, 1], np.int8)
    with pytest.raises(LabelError, match="good=single,bad=multi"):
        labelled_runs([run])
    frames = labelled_runs([run], bad_of_some_kind=True)
    assert indexes(frames) == [1, 2, 4, 5]
    assert frames.frame_class.tolist() == [BAD_OF_SOME_KIND, SINGLE, BAD_OF_SOME_KIND, SINGLE]


def test_an_operator_s_bad_may_be_said_to_be_of_a_kind(run):
    with h5py.File(run, "a") as file:
        file["spi_viewer/label"] = np.array([-1, 0, 1, -1, 0, 1], np.int8)
    names = parse_label_names("good=single,bad=multi")
    assert labelled_runs([run], names=names).frame_class.tolist() == [MULTI, SINGLE, MULTI, SINGLE]


def test_in_an_export_the_operator_corrects_the_source_and_gaps_have_no_label(run):
    """The last two frames came from a file without labels; 0 stands there, and is no class."""
    with h5py.File(run, "a") as file:
        file["labels/class"] = np.array([2, 1, 2, 1, 0, 0], np.int8)
        file["labels/class"].attrs["names"] = "0 non-sample, 1 single, 2 multi"
        file["spi_viewer/copied/labels/class"] = np.array([1, 1, 1, 1, 0, 0], np.uint8)
        file["spi_viewer/label"] = np.array([1, -1, 0, 0, 1, -1], np.int8)
    frames = labelled_runs([run], bad_of_some_kind=True)
    assert indexes(frames) == [0, 1, 2, 3, 4]
    assert frames.frame_class.tolist() == [SINGLE, SINGLE, MULTI, BAD_OF_SOME_KIND, SINGLE]
    frames = labelled_runs([run], names=parse_label_names("bad=non-sample"))
    assert frames.frame_class.tolist() == [SINGLE, SINGLE, MULTI, NON_SAMPLE, SINGLE]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("file,dataset,frame,label\nrun.h5,,6,multi\nrun.h5,,0,single\n", "labels frame 6"),
        (
            "file,dataset,frame,label\nrun.h5,,0,single\nrun.h5,,1,single\n",
            "all labels are of good",
        ),
        ("exp,run,event_num,label\nexp,7,100,0\nexp,7,101,9\n", "all labels are of bad"),
        ("exp,run,event_num,label\nexp,77,100,0\nexp,77,101,1\n", "fit none of the frames"),
        ("file,dataset,frame,label\nrun.h5,,first,multi\n", "line 2: 'first'"),
        ("file,dataset,frame,label\nrun.h5,/a,0,multi\nrun.h5,/b,0,multi\n", "--dataset"),
        ("name,colour\na,b\n", "labels need the columns"),
        ("", "labels need the columns"),
    ],
)
def test_labels_that_fit_no_training_are_refused_and_named(text, told, run, tmp_path):
    with pytest.raises(LabelError, match=told):
        labelled_runs([run], table(tmp_path, text))


def test_a_missing_table_run_or_label_is_refused(run, tmp_path):
    with pytest.raises(LabelError, match="cannot be read"):
        labelled_runs([run], tmp_path / "none.csv")
    with pytest.raises(SpiViewerError, match="no such file"):
        labelled_runs([tmp_path / "none.h5"], table(tmp_path, "frame,label\n0,single\n"))
    with pytest.raises(LabelError, match="has no labels"):
        labelled_runs([run])
    with pytest.raises(LabelError, match="says no class"):
        parse_label_names("0=cat")


def test_of_two_labels_of_a_frame_the_later_counts(run, tmp_path):
    text = "frame,label\n0,single\n1,multi\n2,single\n0,multi\n2,none\n3,good\n"
    frames = labelled_runs([run], table(tmp_path, text))
    assert dict(zip(indexes(frames), frames.frame_class.tolist(), strict=True)) == {
        0: MULTI,
        1: MULTI,
        3: SINGLE,
    }


def test_no_more_frames_than_the_limit_are_kept(run, tmp_path, monkeypatch):
    monkeypatch.setattr("spi_viewer.labelled_frames.reading.MAX_FRAMES", 5)
    text = "frame,label\n0,single\n1,multi\n2,single\n3,multi\n4,single\n5,multi\n"
    frames = labelled_runs([run], table(tmp_path, text))
    assert len(frames) == 5
    assert any("1 labels beyond 5 in all are left out" in note for note in frames.notes)


def test_labels_are_left_out_only_beyond_the_limit_of_all_runs(run, tmp_path, monkeypatch):
    """However unevenly the labels lie in them."""
    monkeypatch.setattr("spi_viewer.labelled_frames.reading.MAX_FRAMES", 7)
    other = tmp_path / "other.h5"
    shutil.copy(run, other)
    rows = [f"run.h5,,{frame},{'single' if frame % 2 else 'multi'}" for frame in range(6)]
    text = "\n".join(["file,dataset,frame,label", *rows, "other.h5,,3,single"])
    frames = labelled_runs([run, other], table(tmp_path, text))
    assert len(frames) == 7
    assert frames.notes == ()


def test_labels_by_event_are_kept_wherever_they_lie(run, tmp_path, monkeypatch):
    """A limit shared by the frames of the runs would leave most of a short run's labels out."""
    monkeypatch.setattr("spi_viewer.labelled_frames.reading.MAX_FRAMES", 5)
    other = tmp_path / "other.h5"
    with h5py.File(run) as file, h5py.File(other, "w") as copy:
        copy.create_dataset(DATASET, data=file[DATASET][:2])
        copy["entry_1/experiment_identifier"] = [b"exp:9:1", b"exp:9:2"]
    text = "exp,run,event_num,label\nexp,7,101,1\nexp,9,1,1\nexp,9,2,2\nexp,8,1,2\n"
    frames = labelled_runs([run, other], table(tmp_path, text))
    assert sorted(frames.event) == ["exp:7:101", "exp:8:1", "exp:9:1", "exp:9:2"]
    assert frames.notes == ()


@pytest.mark.parametrize(
    "text", ["frame,label\n0,single\n1,multi\n", "file,frame,label\nrun.h5,0,single\n"]
)
def test_a_table_that_does_not_say_which_run_it_labels_is_refused(run, tmp_path, text):
    (tmp_path / "elsewhere").mkdir()
    other = tmp_path / "elsewhere" / "run.h5"
    shutil.copy(run, other)
    with pytest.raises(LabelError, match=r"column 'file'|whole path"):
        labelled_runs([run, other], table(tmp_path, text))
    with pytest.raises(LabelError, match=r"column 'file'|whole path"):
        labelled_runs([run], table(tmp_path, text), among=[run, other])


def test_a_run_that_is_written_with_zeros_is_the_same_run(run, tmp_path):
    with h5py.File(run, "a") as file:
        del file["entry_1/experiment_identifier"]
        file["entry_1/experiment_identifier"] = [f"exp:0007:{n}".encode() for n in range(6)]
    text = "exp,run,event_num,label\nexp,0007,1,1\nexp,7,2,2\n"
    assert indexes(labelled_runs([run], table(tmp_path, text))) == [1, 2]


def test_one_name_for_all_frames_is_no_event(run, tmp_path):
    with h5py.File(run, "a") as file:
        del file["entry_1/experiment_identifier"]
        file["entry_1/experiment_identifier"] = [b"cxidb"] * 6
    frames = labelled_runs([run], table(tmp_path, "frame,label\n0,single\n1,multi\n"))
    assert len(set(frames.event)) == 2


def test_numbers_written_with_a_point_are_not_guessed_either(run, tmp_path):
    with pytest.raises(LabelError, match="--label-names"):
        labelled_runs([run], table(tmp_path, "frame,label\n0,1.0\n1,2.0\n"))


def test_unlabelled_frames_come_from_all_of_a_run(run):
    counts, valid = unlabelled_runs([run], 4)
    assert counts.shape == valid.shape == (4, 128, 128)
    assert len({float(frame.max()) for frame in counts}) == 4


def test_unlabelled_frames_come_from_all_files_of_a_run(run, tmp_path):
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file[DATASET] = np.full((3, 64, 64), 20, np.uint16)
    counts, _ = unlabelled_runs([run, other], 100)
    assert len(counts) == 9
    assert sum(float(frame.max()) > 2 for frame in counts) == 3
    assert len(unlabelled_runs([run, other], 4)[0]) == 4


def test_files_with_a_frame_each_share_one_crop(tmp_path, monkeypatch):
    """A frame alone says too little of where the beam is."""
    asked = []
    find_crop = LocalReader.find_crop

    def note(self, paths, dataset):
        asked.append(len([paths] if isinstance(paths, str) else paths))
        return find_crop(self, paths, dataset)

    monkeypatch.setattr(LocalReader, "find_crop", note)
    paths = [tmp_path / f"shot{number:02}.h5" for number in range(40)]
    for path in paths:
        with h5py.File(path, "w") as file:
            file[DATASET] = np.ones((1, 64, 64), np.uint16)
    assert len(unlabelled_runs(paths, 100)[0]) == 40
    assert max(asked) > 1
    assert len(asked) < 4


def test_files_without_labels_are_passed_over_only_where_that_is_asked_for(run, tmp_path):
    other = tmp_path / "other.h5"
    other.write_bytes(run.read_bytes())
    labels = table(tmp_path, f"file,frame,label\n{run},0,single\n{run},1,multi\n")
    with pytest.raises(LabelError, match="labels no frame"):
        labelled_runs([run, other], labels)
    assert len(labelled_runs([run, other], labels, some_unlabelled=True)) == 2


def test_no_event_is_in_two_parts_and_every_part_has_every_class():
    random = np.random.default_rng(0)
    event = np.array([f"e{number}" for number in random.integers(40, size=100)])
    frame_class = random.integers(3, size=100)
    parts = parts_by_event(frame_class, event, (0.6, 0.2, 0.2), seed=1)
    assert sorted(np.concatenate(parts).tolist()) == list(range(100))
    events = [set(event[rows]) for rows in parts]
    assert sum(map(len, events)) == len(set.union(*events))
    assert all(set(frame_class[rows]) == {0, 1, 2} for rows in parts)
    assert 45 <= len(parts[0]) <= 75


def test_few_labels_of_each_class_share_no_event_with_the_rest():
    event = np.array([f"e{number // 2}" for number in range(40)])
    frame_class = np.arange(40) // 2 % 2
    learned, judged = few_of_each_class(frame_class, event, 5, seed=3)
    assert np.bincount(frame_class[learned]).tolist() == [5, 5]
    assert not set(event[learned]) & set(event[judged])
    more, left = few_of_each_class(frame_class, event, 1000)
    assert len(more) == 36
    assert set(frame_class[left]) == {0, 1}


def test_the_real_labels_agree_with_those_in_the_real_run(real_data):
    run = real_data / "amo06516_dev.h5"
    own = labelled_runs([run])
    facility = labelled_runs([run], real_data / "amo06516.label.csv")
    assert np.bincount(own.frame_class.numpy()).tolist() == [14, 18, 11]
    assert own.frame_class.tolist() == facility.frame_class.tolist()
    assert any("'3'" in note for note in facility.notes)
