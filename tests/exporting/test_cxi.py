import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from spi_viewer.errors import ExportCancelledError, ExportError
from spi_viewer.exporting import cxi, verification
from spi_viewer.exporting.cxi import export_cxi
from spi_viewer.exporting.frame_selection import ExportProvenance, FrameToExport
from spi_viewer.frames import FrameFlag, FrameId

DATASET = "/entry_1/data_1/data"
PROVENANCE = ExportProvenance(0.6, "network")
TYPES = ["|u1", "|i1", "<u2", ">u2", "<i2", "<u4", "<i4", ">i4", "<u8", "<f2", "<f4", ">f4", "<f8"]


@pytest.fixture
def export(open_source, out):
    """export(frames, name, ...) into the folder out."""

    def run(frames, name="good.cxi", **options):
        destination = out / name
        return export_cxi(frames, destination, PROVENANCE, open_source=open_source, **options)

    return run


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.mark.parametrize("dtype", TYPES)
def test_frames_are_the_sources_bit_for_bit(make_source, frames_of, export, tmp_path, dtype):
    source = make_source(tmp_path / "run.cxi", dtype)
    report = export(frames_of(source, [7, 0, 11, 7]))
    with h5py.File(source) as was, h5py.File(report.destination) as now:
        assert now[DATASET].dtype == was[DATASET].dtype
        assert now[DATASET].chunks[0] == 1
        for position, index in enumerate([7, 0, 11, 7]):
            assert now[DATASET][position].tobytes() == was[DATASET][index].tobytes()
    assert (report.frame_count, report.source_count, report.skipped) == (4, 1, ())
    assert "4 frames from 1 file" in report.summary


def test_scores_labels_and_provenance_stand_beside_the_frames(
    make_source, frames_of, export, tmp_path
):
    source = make_source(tmp_path / "run.cxi")
    frames = [*frames_of(source, [1, 2]), FrameToExport(FrameId(source, DATASET, 5))]
    frames[1] = FrameToExport(
        frames[1].id,
        (0.1, 0.2, 0.3, 0.4),
        frames[1].verdict,
        flags=FrameFlag.SATURATED,
        model_name="resnet10",
        model_hash="abc",
    )
    with h5py.File(export(frames).destination) as file:
        group = file["spi_viewer"]
        assert group["p_good"][:2].tolist() == pytest.approx([0.7, 0.1])
        assert group["p_blank"][:2].tolist() == pytest.approx([0.1, 0.4])
        assert np.isnan(group["p_single"][2])
        assert group["verdict"][:].tolist() == [1, 1, 2]
        assert group["label"][:].tolist() == [1, -1, -1]
        assert group["flags"][:].tolist() == [0, int(FrameFlag.SATURATED), 0]
        assert group["source_frame"][:].tolist() == [1, 2, 5]
        assert group["source_file"].asstr()[:].tolist() == [source] * 3
        assert group["source_dataset"].asstr()[0] == DATASET
        attributes = dict(group.attrs)
        assert group["model_name"].asstr()[:].tolist() == ["", "resnet10", ""]
        assert group["model_hash"].asstr()[:].tolist() == ["", "abc", ""]
        assert attributes["threshold"] == 0.6
        assert attributes["selection"] == "network"
        assert attributes["program"] == "SPI Viewer"
        assert attributes["operator"]
        assert attributes["created"] > "2020"
        assert file["entry_1/experiment_identifier"].asstr()[2] == "event 5"
        assert file["entry_1/instrument_1/source_1/energy"][()] == pytest.approx(
            1600 * 1.602e-19, rel=1e-3
        )
        assert file["entry_1/instrument_1/detector_1/distance"][()] == 0.58
        assert file["entry_1/instrument_1/detector_1/x_pixel_size"][()] == 7.5e-5


def test_every_per_frame_dataset_comes_along_under_its_path(
    make_source, frames_of, export, tmp_path
):
    compound = np.zeros(12, [("hit", "<i4"), ("when", ">f8")])
    compound["hit"] = np.arange(12)
    source = make_source(
        tmp_path / "run.cxi",
        LCLS__fiducial=np.arange(12, dtype=">i4") * 3,
        LCLS__eventName=np.array([f"e{i}".encode() for i in range(12)], "S5"),
        event_data=compound,
        entry_1__spectra=np.random.default_rng(0).random((12, 7, 9)).astype("<f4"),
        words=np.array([f"wörd {i}" for i in range(12)], object),
        labels__class=np.arange(12, dtype="i1"),
        not_per_frame=np.arange(5),
    )
    with h5py.File(source, "r+") as file:
        file["LCLS/fiducial"].attrs["units"] = "ticks"
        file["LCLS/fiducial"].attrs["numEvents"] = 12
    picked = [3, 4, 10, 0]
    report = export(frames_of(source, picked))
    assert report.skipped == ()
    with h5py.File(source) as was, h5py.File(report.destination) as now:
        for path in ("LCLS/fiducial", "LCLS/eventName", "event_data", "entry_1/spectra", "words"):
            assert now[path].dtype == was[path].dtype
            assert now[path][:].tolist() == [
                was[path][i].tolist() if path != "words" else was[path][i] for i in picked
            ]
        assert now["labels/class"][:].tolist() == picked
        assert now["LCLS/fiducial"].attrs["units"] == "ticks"
        assert "numEvents" not in now["LCLS/fiducial"].attrs
        assert "not_per_frame" not in now


def test_a_dataset_of_named_values_keeps_their_names(make_source, frames_of, export, tmp_path):
    source = make_source(tmp_path / "run.cxi")
    names = h5py.enum_dtype({"LOW": 0, "HIGH": 1}, "i1")
    with h5py.File(source, "r+") as file:
        file.create_dataset("gain_mode", data=np.arange(12) % 2, dtype=names)
    report = export(frames_of(source, [3, 4]))
    assert report.skipped == ()
    with h5py.File(report.destination) as file:
        assert h5py.check_enum_dtype(file["gain_mode"].dtype) == {"LOW": 0, "HIGH": 1}
        assert file["gain_mode"][:].tolist() == [1, 0]


def test_what_collides_with_the_exports_own_paths_is_kept_under_source(
    make_source, frames_of, export, tmp_path
):
    source = make_source(
        tmp_path / "run.cxi",
        entry_1__data_1__mask=np.zeros((12, 16, 19), np.uint32),
        spi_viewer__p_good=np.linspace(0, 1, 12),
    )
    with h5py.File(export(frames_of(source, [0, 11])).destination) as file:
        assert file["source/entry_1/data_1/mask"].dtype == np.uint32
        assert file["source/spi_viewer/p_good"][:].tolist() == [0, 1]
        assert file["spi_viewer/p_good"][:].tolist() == pytest.approx([0.7, 0.7])


def test_sources_with_different_datasets_are_joined_and_gaps_marked(
    make_source, frames_of, export, tmp_path
):
    first = make_source(tmp_path / "a.cxi", charge=np.arange(12.0), shot=np.arange(12))
    second = make_source(tmp_path / "b.cxi", shot=np.arange(12, dtype="<i2"))
    frames = frames_of(first, [5]) + frames_of(second, [6, 7]) + frames_of(first, [8])
    report = export(frames)
    assert report.source_count == 2
    with h5py.File(report.destination) as file:
        charge = file["charge"][:]
        assert charge[[0, 3]].tolist() == [5, 8]
        assert np.isnan(charge[1:3]).all()
        assert file["spi_viewer/copied/charge"][:].tolist() == [1, 0, 0, 1]
        assert file["shot"][:].tolist() == [5, 0, 0, 8]
        assert file["source/shot"][:].tolist() == [0, 6, 7, 0]
        assert file["source/shot"].dtype == np.int16


def test_a_dataset_that_cannot_be_copied_is_reported(make_source, frames_of, export, tmp_path):
    source = make_source(tmp_path / "run.cxi")
    with h5py.File(source, "r+") as file:
        file["refs"] = np.array([file[DATASET].ref] * 12, h5py.ref_dtype)
    report = export(frames_of(source, [1]))
    assert report.skipped[0][0] == "/refs"
    assert "not copied: /refs holds references" in report.summary


def test_one_mask_for_all_or_one_for_each(make_source, frames_of, export, tmp_path):
    shared = np.zeros((16, 19), np.uint8)
    shared[3, 4] = 1
    each = np.repeat(shared[None], 12, axis=0)
    each[5, 0, 0] = 1
    first = make_source(tmp_path / "a.cxi", mask=shared)
    second = make_source(tmp_path / "b.cxi", mask=each)
    with h5py.File(export(frames_of(first, [1, 5]), "a.cxi").destination) as file:
        assert np.array_equal(file["entry_1/data_1/mask"][()], shared)
    with h5py.File(export(frames_of(second, [1, 2, 5]), "b.cxi").destination) as file:
        assert np.array_equal(file["entry_1/data_1/mask"][()], each[[1, 2, 5]])


def test_frames_that_do_not_fit_together_are_refused(make_source, frames_of, export, tmp_path, out):
    frames = frames_of(make_source(tmp_path / "a.cxi"), [0])
    frames += frames_of(make_source(tmp_path / "b.cxi", "<f4"), [0])
    with pytest.raises(ExportError, match=r"b\.cxi: frames of 16x19 float32 do not fit.*uint16"):
        export(frames)
    assert os.listdir(out) == []


def test_nothing_to_export_is_said(export):
    with pytest.raises(ExportError, match="no frames"):
        export([])


def test_progress_runs_to_its_end_without_turning_back(make_source, frames_of, export, tmp_path):
    told = []
    source = make_source(tmp_path / "run.cxi", shot=np.arange(12))
    export(frames_of(source, range(12)), progress=lambda *step: told.append(step))
    assert told == sorted(told)
    assert told[0] == (0, told[-1][1])
    assert told[-1][0] == told[-1][1]


@pytest.mark.parametrize("after", [0, 1, 9, 13, 14, 25])
def test_a_cancelled_export_leaves_nothing(make_source, frames_of, export, tmp_path, out, after):
    calls = iter(range(1000))
    source = make_source(tmp_path / "run.cxi", shot=np.arange(12))
    with pytest.raises(ExportCancelledError):
        export(frames_of(source, range(12)), cancelled=lambda: next(calls) >= after)
    assert os.listdir(out) == []


def test_an_existing_file_is_not_replaced_unasked(make_source, frames_of, export, tmp_path, out):
    source = make_source(tmp_path / "run.cxi")
    (out / "good.cxi").write_text("precious")
    with pytest.raises(ExportError, match="exists already"):
        export(frames_of(source, [0]))
    assert (out / "good.cxi").read_text() == "precious"
    assert os.listdir(out) == ["good.cxi"]


def test_a_file_that_appears_during_the_export_is_not_replaced(
    make_source, frames_of, export, tmp_path, out, monkeypatch
):
    source = make_source(tmp_path / "run.cxi")

    def appear(*arguments):
        verification.verify_columns(*arguments)
        (out / "good.cxi").write_text("precious")

    monkeypatch.setattr(cxi, "verify_columns", appear)
    monkeypatch.setattr(cxi, "_check_destination", lambda *_: None)
    with pytest.raises(ExportError, match="exists already"):
        export(frames_of(source, [0]))
    assert (out / "good.cxi").read_text() == "precious"
    assert os.listdir(out) == ["good.cxi"]


def test_an_earlier_export_is_replaced_when_asked(make_source, frames_of, export, tmp_path, out):
    source = make_source(tmp_path / "run.cxi")
    export(frames_of(source, [0]))
    export(frames_of(source, [0, 1]), overwrite=True)
    with h5py.File(out / "good.cxi") as file:
        assert len(file[DATASET]) == 2
    assert os.listdir(out) == ["good.cxi"]


@pytest.mark.parametrize("link", [None, os.symlink, os.link])
def test_a_source_is_never_replaced(make_source, frames_of, export, tmp_path, out, link):
    source = make_source(tmp_path / "run.cxi")
    destination = tmp_path / "run.cxi"
    if link:
        destination = out / "good.cxi"
        link(source, destination)
    before = Path(source).read_bytes()
    with pytest.raises(ExportError, match="is a source of this export"):
        export(frames_of(source, [0]), str(destination), overwrite=True)
    assert Path(source).read_bytes() == before


def test_measured_data_are_never_replaced(make_source, frames_of, export, tmp_path, out):
    source = make_source(tmp_path / "run.cxi")
    other = make_source(out / "good.cxi")
    with pytest.raises(ExportError, match="may be measured data"):
        export(frames_of(source, [0]), overwrite=True)
    with h5py.File(other) as file:
        assert len(file[DATASET]) == 12


def test_a_source_that_is_gone_is_named(make_source, frames_of, export, tmp_path, out):
    frames = frames_of(make_source(tmp_path / "run.cxi"), [0, 1])
    os.unlink(tmp_path / "run.cxi")
    with pytest.raises(ExportError, match=r"run\.cxi: no such file"):
        export(frames)
    assert os.listdir(out) == []


def test_a_source_that_shrank_is_named(make_source, frames_of, export, tmp_path, out):
    source = make_source(tmp_path / "run.cxi", count=5)
    with pytest.raises(ExportError, match=r"run\.cxi: has 5 frames now.*judge it again"):
        export(frames_of(source, [0, 8]))
    assert os.listdir(out) == []


@pytest.mark.parametrize("damaged", ["pixels", "column"])
def test_a_failing_disk_is_noticed_before_the_file_gets_its_name(
    make_source, frames_of, export, tmp_path, out, monkeypatch, damaged
):
    source = make_source(tmp_path / "run.cxi", shot=np.arange(12))
    real = cxi.verify_frames

    def damage_then_verify(file, stack, step):
        path = file.filename
        file.close()
        with h5py.File(path, "r+") as writable:
            if damaged == "pixels":
                writable[DATASET][1, 2, 3] ^= 1
            else:
                writable["shot"][1] += 1
        with h5py.File(path) as again:
            real(again, stack, step)
            verification.verify_columns(again, blocks)

    blocks = {}
    monkeypatch.setattr(cxi, "verify_frames", damage_then_verify)
    monkeypatch.setattr(cxi, "verify_columns", lambda *_: None)
    original = cxi.PerFrameColumns.copy

    def copy(self, *arguments):
        original(self, *arguments)
        blocks.update({column.dataset.name: column.blocks for column in self.columns})

    monkeypatch.setattr(cxi.PerFrameColumns, "copy", copy)
    with pytest.raises(ExportError, match="reads differently"):
        export(frames_of(source, [0, 1]))
    assert os.listdir(out) == []


_PRELUDE = """
import os, resource, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from conftest import PlainReader, _frames_of
from spi_viewer.errors import ExportError
from spi_viewer.exporting.cxi import export_cxi
from spi_viewer.exporting.frame_selection import ExportProvenance
source, destination, number = sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
def export(**options):
    return export_cxi(_frames_of(source, range(40)), destination, ExportProvenance(),
                      open_source=PlainReader, **options)
"""
_KILLED = """
def die(done, total):
    if done >= number:
        os.kill(os.getpid(), signal.SIGKILL)
export(progress=die)
"""
_FULL = """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (number, number))
try:
    export()
except ExportError as error:
    sys.stdout.write(str(error))
    sys.exit(7)
"""


def _run_child(program, source, destination, number):
    arguments = [Path(__file__).parent, source, destination, number]
    return subprocess.run(
        [sys.executable, "-c", _PRELUDE + program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("step", [0, 1, 17, 40, 41, 80, 81, 119, 120])
def test_a_killed_export_leaves_no_file_under_the_final_name(
    make_source, frames_of, export, tmp_path, out, step
):
    source = make_source(tmp_path / "run.cxi", count=40, shot=np.arange(40))
    child = _run_child(_KILLED, source, out / "good.cxi", step)
    assert child.returncode == -9
    assert not (out / "good.cxi").exists()
    left = os.listdir(out)
    assert all(name.startswith(".good.cxi.part-") for name in left)
    export(frames_of(source, [1]))  # the next export sweeps up
    assert os.listdir(out) == ["good.cxi"]


@pytest.mark.parametrize("room", [0, 3000, 20_000, 60_000])
def test_a_full_disk_is_an_export_error_and_leaves_nothing(make_source, tmp_path, out, room):
    source = make_source(tmp_path / "run.cxi", count=40, side=64, shot=np.arange(40))
    child = _run_child(_FULL, source, out / "good.cxi", room)
    assert (child.returncode, child.stderr) == (7, "")
    assert "cannot be written" in child.stdout
    assert os.listdir(out) == []


def test_a_folder_that_is_not_there_is_named(make_source, frames_of, export, tmp_path):
    source = make_source(tmp_path / "run.cxi")
    with pytest.raises(ExportError, match="nowhere: there is no such folder"):
        export(frames_of(source, [0]), "nowhere/good.cxi")


def test_real_runs_are_exported_and_read_again(real_data, tmp_path):
    from spi_viewer.sources.run_file import open_run

    for name, indices in (("amo06516_dev.h5", [3, 40, 7]), ("lambda_stack.nxs", [9, 0])):
        source = str(real_data / name)
        with open_run(source) as run:
            dataset = run.info.dataset
            frames = [FrameToExport(FrameId(source, dataset, index)) for index in indices]
            report = export_cxi(frames, tmp_path / f"{name}.cxi", PROVENANCE, open_source=open_run)
            with open_run(report.destination) as exported:
                for position, index in enumerate(indices):
                    was, now = run.read_frame(index), exported.read_frame(position)
                    assert now.dtype == was.dtype
                    assert now.tobytes() == was.tobytes()
                    assert np.array_equal(run.valid_pixels(index), exported.valid_pixels(position))
                    assert run.frame_name(index) == exported.frame_name(position)
                    assert exported.info.geometry == run.info.geometry
