"""Growing, over-allocated, virtual, compressed and damaged HDF5 runs."""

import contextlib
import os
import subprocess
import sys
import textwrap

import h5py
import hdf5plugin
import numpy as np
import pytest

from spi_viewer.errors import NotReadyError, RunFileError
from spi_viewer.frames import Crop, FrameFlag
from spi_viewer.sources.local_reader import LocalReader
from spi_viewer.sources.run_file import open_run

DATA = "/entry_1/data_1/data"
LONG_AGO_S = 1_700_000_000


def stack(count=6, dtype=np.uint16):
    return np.random.default_rng(5).integers(0, 200, (count, 24, 32)).astype(dtype)


def leave_alone(path):
    """Make a file look as if nobody had written to it for long."""
    os.utime(path, (LONG_AGO_S, LONG_AGO_S))


def leave_all_alone(folder):
    for path in folder.iterdir():
        leave_alone(path)


class Writer:
    """Another process that keeps a file open and writes a frame when it is told to."""

    def __init__(self, path, how):
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER), str(path), how],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "ready\n"

    def tell(self, order):
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


WRITER = """
    import sys, h5py, numpy as np
    path, how = sys.argv[1:]
    libver = "latest" if how in ("swmr", "latest") else "earliest"
    file = h5py.File(path, "w", libver=libver, locking=False)
    count = 0 if how == "swmr" else 10
    data = file.create_dataset("/entry_1/data_1/data", (count, 24, 32), "u2",
                               maxshape=(None, 24, 32), chunks=(1, 24, 32))
    if how == "numEvents":
        data[...] = 0
        data.attrs["numEvents"] = 0
    if how == "swmr":
        file.swmr_mode = True
    file.flush()
    print("ready", flush=True)
    written = 0
    for order in sys.stdin:
        if order == "frame\\n":
            if how == "swmr":
                data.resize(written + 1, axis=0)
            data[written] = written + 1
            written += 1
            if how == "numEvents":
                data.attrs["numEvents"] = written
            data.flush() if how == "swmr" else file.flush()
        print("done", flush=True)
    file.close()
"""


@pytest.mark.parametrize("how", ["swmr", "over-allocated", "numEvents"])
def test_a_growing_file_is_read_to_its_last_complete_frame(how, tmp_path):
    path = tmp_path / "live.cxi"
    with Writer(path, how) as writer:
        with pytest.raises(NotReadyError):
            open_run(path)
        writer.tell("frame")
        with open_run(path) as run:
            assert run.info.frame_count == 1
            for count in range(2, 6):
                writer.tell("frame")
                assert run.refresh() == run.info.frame_count == count
                assert (run.read_frame(count - 1) == count).all()
                assert run.frame_flags(count - 1) == FrameFlag.NONE
            assert (run.read_frame(0) == 1).all()


def test_a_file_held_open_by_a_writer_without_swmr_is_waited_for(tmp_path):
    path = tmp_path / "live.h5"
    with Writer(path, "latest") as writer:
        writer.tell("frame")
        with pytest.raises(NotReadyError, match="open for writing"):
            open_run(path)
    with open_run(path) as run:
        assert run.info.frame_count == 1


def test_reading_does_not_keep_a_writer_from_opening_the_file(tmp_path):
    path = tmp_path / "run.cxi"
    with h5py.File(path, "w") as file:
        file.create_dataset(DATA, data=stack(), chunks=(1, 24, 32))
    append = f"import h5py; h5py.File({str(path)!r}, 'r+').create_dataset('more', data=1)"
    with open_run(path) as run:
        run.read_frame(0)
        subprocess.run([sys.executable, "-c", append], check=True, timeout=60)
        assert run.refresh() == 6


def test_a_file_that_is_torn_between_two_looks_is_ready_again_later(tmp_path):
    path = tmp_path / "live.cxi"
    with h5py.File(path, "w") as file:
        file.create_dataset(DATA, data=stack(), chunks=(1, 24, 32))
    content = path.read_bytes()
    with open_run(path) as run:
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(NotReadyError):
            run.refresh()
        path.unlink()
        with pytest.raises(NotReadyError):
            run.refresh()
        path.write_bytes(content)
        assert run.refresh() == 6
        np.testing.assert_array_equal(run.read_frame(5), stack()[5])


def test_a_file_replaced_by_frames_of_another_size_is_refused(tmp_path):
    path = tmp_path / "live.cxi"
    for side in (24, 48):
        with h5py.File(tmp_path / "new.cxi", "w") as file:
            file[DATA] = np.zeros((4, side, side), np.uint16)
        (tmp_path / "new.cxi").replace(path)
        if side == 24:
            run = open_run(path)
    with run, pytest.raises(RunFileError, match="changed from"):
        run.refresh()


@pytest.mark.parametrize("value", [4, [4], np.int64(4), 4.0])
def test_the_writers_own_count_is_honoured(value, tmp_path):
    path = tmp_path / "run.cxi"
    with h5py.File(path, "w") as file:
        file.create_dataset(DATA, data=stack()).attrs["numEvents"] = value
    with open_run(path) as run:
        assert run.info.frame_count == 4


@pytest.mark.parametrize("value", [-1, 2.5, np.nan, "many", [], 99])
def test_a_senseless_count_is_not_honoured(value, tmp_path):
    path = tmp_path / "run.cxi"
    with h5py.File(path, "w") as file:
        file.create_dataset(DATA, data=stack()).attrs["numEvents"] = value
    with open_run(path) as run:
        assert run.info.frame_count == 6


def write_frames(path, written, chunks=(1, 24, 32), count=10):
    with h5py.File(path, "w") as file:
        data = file.create_dataset(DATA, (count, 24, 32), "u2", chunks=chunks)
        for index in written:
            data[index] = index + 1


def test_an_over_allocated_tail_is_not_counted(tmp_path):
    path = tmp_path / "run.cxi"
    write_frames(path, range(7))
    for _ in range(2):
        with open_run(path) as run:
            assert run.info.frame_count == 7
        leave_alone(path)


def test_a_hole_in_a_finished_file_is_flagged_and_the_rest_counted(tmp_path):
    path = tmp_path / "run.cxi"
    write_frames(path, (0, 1, 4))
    leave_alone(path)
    with open_run(path) as run:
        assert run.info.frame_count == 5
        holes = [bool(run.frame_flags(index) & FrameFlag.NOT_WRITTEN) for index in range(5)]
    assert holes == [False, False, True, True, False]


def test_a_growing_file_is_read_up_to_its_first_hole_until_it_is_left_alone(tmp_path):
    path = tmp_path / "run.cxi"
    write_frames(path, (0, 1, 4))
    with open_run(path) as run:
        assert run.info.frame_count == 2
        with pytest.raises(NotReadyError, match="frame 2 is missing"):
            run.refresh()
        assert (run.read_frame(1) == 2).all()
    leave_alone(path)
    with open_run(path) as run:
        assert run.info.frame_count == 5


def test_frames_written_out_of_order_are_counted_as_the_gaps_close(tmp_path):
    path = tmp_path / "run.cxi"
    write_frames(path, (0, 1))

    def write_more(*written):
        run.close()  # HDF5 opens no file for writing that the same process reads
        with h5py.File(path, "r+") as file:
            for index in written:
                file[DATA][index] = index + 1

    with open_run(path) as run:
        write_more(2, 4)
        assert run.refresh() == 3
        write_more(3, 5, 7)
        assert run.refresh() == 6
        write_more(6, 8, 9)
        assert run.refresh() == 10
        assert all((run.read_frame(index) == index + 1).all() for index in range(10))


def test_a_frame_lacking_one_of_its_chunks_is_not_complete(tmp_path):
    path = tmp_path / "run.cxi"
    with h5py.File(path, "w") as file:
        data = file.create_dataset(DATA, (3, 24, 32), "u2", chunks=(1, 12, 32))
        data[0] = data[1] = 1
        data[2, :12] = 1
    with open_run(path) as run:
        assert run.info.frame_count == 2


def test_several_frames_in_a_chunk_are_read_alike(tmp_path):
    path = tmp_path / "run.cxi"
    with h5py.File(path, "w") as file:
        file.create_dataset(DATA, data=stack(10), chunks=(4, 24, 16), compression="gzip")
    with open_run(path) as run:
        assert run.info.frame_count == 10
        for index in range(10):
            np.testing.assert_array_equal(run.read_frame(index), stack(10)[index])


def test_a_stack_of_which_nothing_was_written_is_waited_for(tmp_path):
    path = tmp_path / "run.cxi"
    for chunks in ((1, 24, 32), None):
        write_frames(path, (), chunks)
        with pytest.raises(NotReadyError):
            open_run(path)


def test_swissfels_incomplete_frames_are_flagged(tmp_path):
    path = tmp_path / "run.h5"
    with h5py.File(path, "w") as file:
        file["/data/JF07T32V01/data"] = stack(4)
        file["/data/JF07T32V01/is_good_frame"] = np.array([[1], [0], [1], [1]], np.uint8)
        file["/data/JF07T32V01/pulse_id"] = np.arange(4, dtype=np.uint64) + 1000
    with open_run(path) as run:
        flags = [run.frame_flags(index) for index in range(4)]
        assert run.frame_name(3) == "1003"
    assert flags == [FrameFlag.NONE, FrameFlag.NOT_WRITTEN, FrameFlag.NONE, FrameFlag.NONE]


def write_virtual(folder, sources, present):
    layout = h5py.VirtualLayout((2 * len(sources), 24, 32), "u2")
    for number, name in enumerate(sources):
        source = h5py.VirtualSource(name, "/data/data", (2, 24, 32))
        layout[2 * number : 2 * number + 2] = source
    with h5py.File(folder / "virtual.cxi", "w") as file:
        file.create_virtual_dataset(DATA, layout)
    for name in present:
        (folder / name).parent.mkdir(exist_ok=True)
        with h5py.File(folder / name, "w") as file:
            file["/data/data"] = np.full((2, 24, 32), 7, "u2")
    return folder / "virtual.cxi"


def test_virtual_frames_are_read_from_their_sources(tmp_path):
    with open_run(write_virtual(tmp_path, ["scan/a.h5", "b.h5"], ["scan/a.h5", "b.h5"])) as run:
        assert run.info.frame_count == 4
        assert all(run.frame_flags(index) == FrameFlag.NONE for index in range(4))
        assert (run.read_frame(3) == 7).all()


def write_interleaved(folder, present):
    """Two writers that take turns by two frames: each of six of its own."""
    layout = h5py.VirtualLayout((12, 24, 32), "u2")
    for number, name in enumerate(("a.h5", "b.h5")):
        for block in range(2):
            source = h5py.VirtualSource(name, "/data/data", (6, 24, 32))
            layout[2 * number + block :: 4] = source[block::2]
        if name in present:
            with h5py.File(folder / name, "w") as file:
                file["/data/data"] = np.full((present[name], 24, 32), 7 + number, "u2")
    with h5py.File(folder / "virtual.cxi", "w") as file:
        file.create_virtual_dataset(DATA, layout)
    leave_all_alone(folder)
    return folder / "virtual.cxi"


@pytest.mark.parametrize(
    ("present", "missing"),
    [
        ({"a.h5": 6, "b.h5": 6}, []),
        ({"a.h5": 6}, [2, 3, 6, 7, 10, 11]),
        ({"a.h5": 6, "b.h5": 3}, [7, 10, 11]),
    ],
)
def test_writers_that_take_turns_lose_only_their_own_frames(tmp_path, present, missing):
    with open_run(write_interleaved(tmp_path, present)) as run:
        assert run.info.frame_count == 12
        flags = [run.frame_flags(index) for index in range(12)]
        present = [index for index in range(12) if index not in missing]
        assert all(run.read_frame(index).all() for index in present)
    assert [i for i, flag in enumerate(flags) if flag & FrameFlag.SOURCE_MISSING] == missing


def test_writers_that_take_turns_may_go_on(tmp_path):
    """Mappings without an end, as of a run that is still being written."""
    unlimited = h5py.h5s.UNLIMITED
    layout = h5py.VirtualLayout((20, 24, 32), "u2", maxshape=(None, 24, 32))
    for number in range(4):
        with h5py.File(tmp_path / f"{number}.h5", "w") as file:
            values = np.full((5 - (number == 3), 24, 32), number + 1, "u2")
            file.create_dataset("/data/data", data=values, maxshape=(None, 24, 32))
        source = h5py.VirtualSource(
            f"{number}.h5", "/data/data", (5, 24, 32), maxshape=(None, 24, 32)
        )
        layout[number:unlimited:4] = source[0:unlimited]
    with h5py.File(tmp_path / "virtual.cxi", "w") as file:
        file.create_virtual_dataset(DATA, layout)
    leave_all_alone(tmp_path)
    with open_run(tmp_path / "virtual.cxi") as run:
        flags = [run.frame_flags(index) for index in range(run.info.frame_count)]
        assert [int(run.read_frame(index)[0, 0]) for index in range(4)] == [1, 2, 3, 4]
    assert flags[:19] == [FrameFlag.NONE] * 19
    assert all(flag & FrameFlag.SOURCE_MISSING for flag in flags[19:])


def test_virtual_frames_without_a_source_are_flagged(tmp_path):
    path = write_virtual(tmp_path, ["a.h5", "b.h5"], ["b.h5"])
    leave_all_alone(tmp_path)
    with open_run(path) as run:
        assert run.info.frame_count == 4
        flags = [run.frame_flags(index) for index in range(4)]
    assert flags == [FrameFlag.SOURCE_MISSING] * 2 + [FrameFlag.NONE] * 2


def test_a_virtual_dataset_without_any_source_is_refused_by_name(tmp_path):
    path = write_virtual(tmp_path, ["a.h5", "b.h5"], [])
    for dataset in (None, DATA):
        with pytest.raises(RunFileError, match=r"source.*missing.*a\.h5.*b\.h5"):
            open_run(path, dataset)


def test_a_virtual_frame_lacking_one_of_its_panels_is_flagged(tmp_path):
    layout = h5py.VirtualLayout((2, 24, 64), "u2")
    layout[:, :, :32] = h5py.VirtualSource("left.h5", "/data/data", (2, 24, 32))
    layout[0, :, 32:] = h5py.VirtualSource("right_0.h5", "/data/data", (24, 32))
    layout[1, :, 32:] = h5py.VirtualSource("right_1.h5", "/data/data", (24, 32))
    with h5py.File(tmp_path / "virtual.cxi", "w") as file:
        file.create_virtual_dataset(DATA, layout)
    for name, shape in (("left.h5", (2, 24, 32)), ("right_1.h5", (24, 32))):
        with h5py.File(tmp_path / name, "w") as file:
            file["/data/data"] = np.ones(shape, "u2")
    leave_all_alone(tmp_path)
    with open_run(tmp_path / "virtual.cxi") as run:
        assert run.frame_flags(0) == FrameFlag.SOURCE_MISSING
        assert run.frame_flags(1) == FrameFlag.NONE
    (tmp_path / "right_1.h5").unlink()  # no frame is whole any more
    with pytest.raises(RunFileError, match=r"right_0\.h5.*right_1\.h5"):
        open_run(tmp_path / "virtual.cxi")


def test_virtual_frames_beyond_the_end_of_their_source_are_flagged(tmp_path):
    path = write_virtual(tmp_path, ["a.h5"], [])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["/data/data"] = np.ones((1, 24, 32), "u2")
    leave_all_alone(tmp_path)
    with open_run(path) as run:
        assert run.frame_flags(0) == FrameFlag.NONE
        assert run.frame_flags(1) == FrameFlag.SOURCE_MISSING


@pytest.mark.parametrize(
    "filters",
    [hdf5plugin.Bitshuffle(), hdf5plugin.LZ4(), hdf5plugin.Zstd(), {"compression": "gzip"}],
    ids=["bitshuffle", "lz4", "zstd", "gzip"],
)
def test_compressed_frames_are_read(filters, tmp_path):
    path = tmp_path / "run.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset(DATA, data=stack(), chunks=(1, 24, 32), **filters)
    with open_run(path) as run:
        np.testing.assert_array_equal(run.read_frame(4), stack()[4])


def test_a_missing_filter_is_named(tmp_path, monkeypatch):
    path = tmp_path / "run.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset(DATA, data=stack(), chunks=(1, 24, 32), **hdf5plugin.Bitshuffle())
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda code: code != 32008)
    with pytest.raises(RunFileError, match=r"filter 32008 .*bitshuffle.* not installed"):
        open_run(path)


def test_a_damaged_frame_is_refused_and_the_others_are_read(tmp_path):
    path = tmp_path / "run.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset(DATA, data=stack(), chunks=(1, 24, 32), compression="gzip")
        offset = data.id.get_chunk_info(2).byte_offset
    with path.open("r+b") as raw:
        raw.seek(offset)
        raw.write(b"\xff" * 50)
    with open_run(path) as run:
        with pytest.raises(RunFileError, match=f"frame 2 of {DATA} cannot be read"):
            run.read_frame(2)
        np.testing.assert_array_equal(run.read_frame(3), stack()[3])


def test_frame_values_are_listed_and_shown_with_their_units(tmp_path):
    path = tmp_path / "run.cxi"
    with h5py.File(path, "w") as file:
        file[DATA] = stack()
        file["/entry_1/data_1/mask"] = np.zeros((6, 24, 32), np.uint16)
        file["/entry_1/data_1/mask_shared"] = np.zeros((24, 32), np.uint16)
        file["/entry_1/experiment_identifier"] = np.array([f"shot {i}" for i in range(6)], "S")
        energy = file.create_dataset("/source/pulse", data=np.arange(6) * 1e-3)
        energy.attrs["units"] = "J"
        file["/labels/class"] = np.arange(6, dtype=np.int8)
        file["/other/table"] = np.zeros((7, 2))
    with open_run(path) as run:
        assert set(run.per_frame_datasets()) == {
            "/entry_1/data_1/mask",
            "/entry_1/experiment_identifier",
            "/source/pulse",
            "/labels/class",
        }
        assert run.frame_name(4) == "shot 4"
        shown = run.metadata(4)
    assert shown["pulse_J"] == pytest.approx(4e-3)
    assert shown["class"] == 4


def test_values_of_complete_frames_alone_are_per_frame_values(tmp_path):
    """A stack that was laid out too long, with its writer's own count."""
    path = tmp_path / "run.cxi"
    with h5py.File(path, "w") as file:
        file[DATA] = stack(10)
        file[DATA].attrs["numEvents"] = 6
        file["/LCLS/photon_energy_eV"] = np.full(6, 1600.0)
    with open_run(path) as run:
        assert run.per_frame_datasets() == ("/LCLS/photon_energy_eV",)
        assert run.metadata(5)["photon_energy_eV"] == 1600.0


def test_a_short_list_that_could_grow_is_not_the_frames_ids(tmp_path):
    path = tmp_path / "run.cxi"
    with h5py.File(path, "w") as file:
        file[DATA] = stack(5)
        file.create_dataset("/entry_1/trainId", data=[1000, 1001], maxshape=(None,))
        for name in ("machineTime", "machineTimeNanoSeconds", "fiducial"):
            file[f"/LCLS/{name}"] = np.arange(5)
    with open_run(path) as run:
        assert run.frame_name(3) == "3_3_3"


def test_ids_that_trail_the_frames_of_a_growing_run_are_used(tmp_path):
    path = tmp_path / "run.cxi"
    with h5py.File(path, "w") as file:
        for name, values in (
            (DATA, stack(5)),
            ("/entry_1/experiment_identifier", np.array([f"e{i}" for i in range(4)], "S4")),
            ("/LCLS/pulse_mj", np.arange(6.0)),
        ):
            file.create_dataset(name, data=values, maxshape=(None, *values.shape[1:]))
    with open_run(path) as run:
        assert [run.frame_name(index) for index in range(5)] == ["e0", "e1", "e2", "e3", ""]
        assert set(run.per_frame_datasets()) == {
            "/entry_1/experiment_identifier",
            "/LCLS/pulse_mj",
        }
        assert run.metadata(4)["pulse_mj"] == 4.0


@pytest.mark.parametrize(
    ("datasets", "name"),
    [
        ({"/entry_1/experiment_identifier": ["a", "b", "c"]}, "b"),
        ({"/cheetah/event_data/eventName": np.array([b"e0", b"e1", b"e2"])}, "e1"),
        (
            {"/entry_1/trainId": np.arange(3) + 70, "/entry_1/pulseId": np.array([[4], [8], [12]])},
            "71:8",
        ),
        ({"/entry_1/event/bunch_id": np.arange(3) + 5}, "6"),
        (
            {
                "/LCLS/machineTime": [10, 20, 30],
                "/LCLS/machineTimeNanoSeconds": [1, 2, 3],
                "/LCLS/fiducial": [7, 8, 9],
            },
            "20_2_8",
        ),
        ({"/entry_1/experiment_identifier": ["a", "b"]}, ""),
    ],
)
def test_frames_carry_the_facilitys_own_names(datasets, name, tmp_path):
    path = tmp_path / "run.cxi"
    with h5py.File(path, "w") as file:
        file[DATA] = stack(3)
        for where, values in datasets.items():
            file[where] = values
    with open_run(path) as run:
        assert run.frame_name(1) == name


MASK = np.zeros((24, 32), np.uint32)
MASK[3, 4] = 1
MASK[5, 6] = 1 << 11


def masked(path, frames, datasets, index=0):
    """Pixels that a file's masks exclude, as (y, x)."""
    with h5py.File(path, "w") as file:
        file[frames] = stack(4)
        for where, values in datasets.items():
            file[where] = values
    with open_run(path) as run:
        return [tuple(pixel) for pixel in np.argwhere(~run.valid_pixels(index)).tolist()]


def test_each_layout_has_its_own_meaning_of_mask_bits(tmp_path):
    path = tmp_path / "run.h5"
    cxi = "/entry_1/instrument_1/detector_1"
    assert masked(path, f"{cxi}/data", {f"{cxi}/mask": MASK}) == [(3, 4)]
    european_xfel = {f"{cxi}/mask": MASK, "/entry_1/trainId": np.arange(4)}
    assert masked(path, f"{cxi}/data", european_xfel) == [(3, 4), (5, 6)]
    xfel = "/INSTRUMENT/SQS_NQS_PNCCD1MP/CAL/PNCCD_FMT-0:output/data"
    standard_deviation_is_zero = {f"{xfel}/mask": (MASK == 1).astype("u4") << 14}
    assert masked(path, f"{xfel}/image", standard_deviation_is_zero) == [(3, 4)]
    nexus = "/entry/instrument/detector"
    assert masked(path, f"{nexus}/data", {f"{nexus}/pixel_mask": MASK[None]}) == [(3, 4)]
    eiger = {f"{nexus}/detectorSpecific/pixel_mask": MASK}
    assert masked(path, "/entry/data/data", eiger) == [(3, 4)]
    ones_are_good = {"/entry_1/detector_1/mask": (MASK != 1).astype("u1")}
    assert masked(path, "/entry_1/detector_1/data", ones_are_good) == [(3, 4)]


def test_a_mask_a_frame_and_the_shared_one_are_joined(tmp_path):
    masks = np.zeros((4, 24, 32), np.uint16)
    masks[2, 0, 1] = 4
    shared = np.zeros((24, 32), np.uint16)
    shared[7, 7] = 1
    datasets = {"/entry_1/data_1/mask": masks, "/entry_1/data_1/mask_shared": shared}
    assert masked(tmp_path / "a.cxi", DATA, datasets, index=0) == [(7, 7)]
    assert masked(tmp_path / "b.cxi", DATA, datasets, index=2) == [(0, 1), (7, 7)]


def test_masks_of_frames_to_come_do_not_keep_those_of_the_others_from_use(tmp_path):
    """A writer may lay out all masks at once, and let the frames grow."""
    path = tmp_path / "growing.cxi"
    masks = np.zeros((9, 64, 64), np.uint16)
    masks[2, 5, 6] = 512
    with h5py.File(path, "w") as file:
        file["entry_1/data_1/data"] = np.ones((4, 64, 64), np.uint16)
        file["entry_1/data_1/mask"] = masks
    with open_run(path) as run:
        assert run.valid_pixels(1).all()
        assert np.argwhere(~run.valid_pixels(2)).tolist() == [[5, 6]]


def append(file, name, frames):
    """Let a stack grow, as a writer that resizes and writes."""
    dataset = file[name]
    count = len(dataset)
    dataset.resize(count + len(frames), axis=0)
    dataset[count:] = frames
    file.flush()


MASKS = "/entry_1/data_1/mask"


@pytest.mark.parametrize(("first", "last"), [(0, 1), (1, 2), (3, 5)])
def test_frames_of_a_growing_run_wait_for_their_masks(tmp_path, first, last):
    """A writer that lets the frames grow first and the masks after."""
    path = tmp_path / "growing.cxi"
    masks = np.zeros((last, 24, 32), np.uint16)
    masks[-1, 5, 6] = 512
    with h5py.File(path, "w") as file:
        for name in (DATA, MASKS):
            file.create_dataset(name, (0, 24, 32), "u2", maxshape=(None, 24, 32))
        append(file, DATA, stack(max(first, 1)))
        append(file, MASKS, masks[:first])
    if first == 0:
        with pytest.raises(NotReadyError, match="frame 0 has no mask yet"):
            open_run(path)
        return
    with open_run(path) as run:
        run.close()  # HDF5 does not write a file that the same process reads
        with h5py.File(path, "r+") as file:
            append(file, DATA, stack(last - first))
        with pytest.raises(NotReadyError, match=f"frame {first} has no mask yet"):
            run.refresh()
        assert run.info.frame_count == first
        assert run.valid_pixels(first - 1).all()
        run.close()
        with h5py.File(path, "r+") as file:
            append(file, MASKS, masks[first:])
        assert run.refresh() == last
        assert np.argwhere(~run.valid_pixels(last - 1)).tolist() == [[5, 6]]


def test_masks_that_never_come_are_not_waited_for(tmp_path):
    """Once the file is left alone, its frames are shown without, and the masks are named."""
    path = tmp_path / "run.cxi"
    with h5py.File(path, "w") as file:
        file[DATA], file[MASKS] = stack(5), np.ones((3, 24, 32), np.uint16)
    with open_run(path) as run:
        assert run.info.frame_count == 3
    leave_alone(path)
    with open_run(path) as run:
        assert run.info.frame_count == 5
        assert run.valid_pixels(1).all()
        assert "3 masks for 5 frames" in run.metadata(0)["masks not used"]


def test_one_mask_for_all_that_could_grow_holds_nothing_back(tmp_path):
    path = tmp_path / "run.cxi"
    with h5py.File(path, "w") as file:
        file[DATA] = stack(10)
        file.create_dataset(MASKS, data=np.zeros((1, 24, 32), "u2"), maxshape=(None, 24, 32))
    with open_run(path) as run:
        assert run.info.frame_count == 10


def test_frames_that_were_shown_stay_readable_while_the_next_waits_for_its_mask(tmp_path):
    path = tmp_path / "growing.cxi"
    with h5py.File(path, "w") as file:
        for name in (DATA, MASKS):
            file.create_dataset(name, (0, 24, 32), "u2", maxshape=(None, 24, 32))
        append(file, DATA, stack(3))
        append(file, MASKS, np.zeros((3, 24, 32), "u2"))
    with contextlib.closing(LocalReader()) as reader:
        assert reader.describe(str(path), DATA).frame_count == 3
        reader.close()
        with h5py.File(path, "r+") as file:
            append(file, DATA, stack(1))
        crop = Crop(12.0, 16.0, 0.25)
        assert reader.read_frame(str(path), DATA, 2, crop).pixels.shape == (24, 32)
        with pytest.raises(NotReadyError, match="has no mask yet"):
            reader.describe(str(path), DATA)
        assert len(reader.read_batch(str(path), DATA, 0, 3, crop, 0.0)) == 3


def test_masks_that_come_with_the_end_do_not_hold_back_the_frames(tmp_path):
    path = tmp_path / "run.cxi"
    with h5py.File(path, "w") as file:
        file[DATA] = stack(5)
        file.create_dataset(MASKS, (0, 24, 32), "u2", maxshape=(None, 24, 32))
    with open_run(path) as run:
        assert run.info.frame_count == 5
        assert run.valid_pixels(4).all()


def test_a_mask_that_does_not_fit_is_not_used_and_named(tmp_path):
    path = tmp_path / "run.cxi"
    assert masked(path, DATA, {"/entry_1/data_1/mask": np.ones((10, 10), "u2")}) == []
    with open_run(path) as run:
        assert "/entry_1/data_1/mask" in run.metadata(0)["masks not used"]


def write_part(folder, name, count):
    with h5py.File(folder / name, "w") as file:
        file["/entry/data/data"] = stack(count)


def test_a_run_grows_with_the_files_that_it_links_to(tmp_path):
    master = tmp_path / "run_master.h5"
    with h5py.File(master, "w") as file:
        group = file.create_group("/entry/data")
        for number in (1, 2):
            link = h5py.ExternalLink(f"part_{number}.h5", "/entry/data/data")
            group[f"data_{number:06d}"] = link
    leave_alone(master)
    write_part(tmp_path, "part_1.h5", 3)
    leave_alone(tmp_path / "part_1.h5")
    with open_run(master) as run:
        assert run.info.frame_count == run.refresh() == 3
        write_part(tmp_path, "part_2.h5", 2)
        assert run.refresh() == 5
        np.testing.assert_array_equal(run.read_frame(4), stack(2)[1])


def test_virtual_frames_are_counted_as_their_sources_arrive(tmp_path):
    path = write_virtual(tmp_path, ["a.h5", "b.h5"], ["a.h5"])
    with open_run(path) as run:
        assert run.info.frame_count == 2
        with h5py.File(tmp_path / "b.h5", "w") as file:
            file["/data/data"] = np.full((2, 24, 32), 9, "u2")
        assert run.refresh() == 4
        assert (run.read_frame(3) == 9).all()
