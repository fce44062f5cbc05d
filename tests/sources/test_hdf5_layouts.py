"""Where facilities keep frames: files written by code, one a layout."""

import os

import h5py
import numpy as np
import pytest

from spi_viewer.errors import AmbiguousDatasetError, NotReadyError, RunFileError
from spi_viewer.frames import FrameFlag
from spi_viewer.sources.run_file import open_run


def stack(count=4, height=24, width=32, dtype=np.uint16, seed=0):
    return np.random.default_rng(seed).integers(0, 200, (count, height, width)).astype(dtype)


def write(path, datasets, **options):
    with h5py.File(path, "w") as file:
        for name, data in datasets.items():
            file.create_dataset(name, data=data, **options)
    return path


STACK_PATHS = [
    "/entry_1/data_1/data",
    "/entry_1/instrument_1/detector_1/data",
    "/entry_1/image_1/data",
    "/entry_1/image_2/data",
    "/entry_1/instrument_1/detector_1/photons",
    "/photonConverter/pnccdBack/photonCount",
    "/entry_1/detector_1/data",
    "/data/JF07T32V01/data",
    "/entry/data/data",
    "/entry/instrument/detector/data",
    "/data/data",
    "/frames",
    "/some/where/deep/down/images",
]


@pytest.mark.parametrize("path", STACK_PATHS)
def test_a_stack_is_found_at(path, tmp_path):
    frames = stack()
    file = write(tmp_path / "run.h5", {path: frames, "/other/peaks": np.zeros((4, 3))})
    with open_run(file) as run:
        assert run.info.dataset == path
        assert run.info.frame_count == 4
        assert run.info.frame_shape == (24, 32)
        assert run.info.candidates[0] == path
        for index in range(4):
            np.testing.assert_array_equal(run.read_frame(index), frames[index])


DTYPES = ["u1", "i1", "<u2", ">u2", "<i2", "<i4", ">i4", "<u4", "<i8", "<u8"]
DTYPES += ["<f2", "<f4", ">f4", "<f8"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_pixels_keep_their_type(dtype, tmp_path):
    frames = (stack() // 2).astype(dtype)
    with open_run(write(tmp_path / "run.h5", {"/entry_1/detector_1/data": frames})) as run:
        assert run.info.dtype == np.dtype(dtype).str
        pixels = run.read_frame(1)
        assert pixels.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(pixels, frames[1])


@pytest.mark.parametrize("path", ["/image/ccd1", "/entry_1/data_1/data", "/whatever/picture"])
def test_a_single_image_is_a_run_of_one_frame(path, tmp_path):
    image = stack(1, 50, 100, np.float64)[0]
    with open_run(write(tmp_path / "run.cxi", {path: image})) as run:
        assert run.info.frame_count == 1
        assert run.info.dataset == path
        np.testing.assert_array_equal(run.read_frame(0), image)
        assert run.valid_pixels(0).shape == (50, 100)


def test_the_cxi_link_and_the_dataset_it_means_are_one_candidate(tmp_path):
    path = write(tmp_path / "run.cxi", {"/entry_1/instrument_1/detector_1/data": stack()})
    with h5py.File(path, "r+") as file:
        file["/entry_1/data_1"] = h5py.SoftLink("/entry_1/instrument_1/detector_1")
        file["/entry_1/again"] = h5py.SoftLink("/entry_1")  # a circle
    with open_run(path) as run:
        assert run.info.candidates == ("/entry_1/data_1/data",)


def test_the_order_of_paths_decides_between_usual_places(tmp_path):
    path = write(
        tmp_path / "run.cxi",
        {
            "/entry_1/image_1/data": stack(),
            "/entry_1/instrument_1/detector_1/data": stack(),
            "/entry_1/instrument_1/detector_1/photons": stack(),
        },
    )
    with open_run(path) as run:
        assert run.info.dataset == "/entry_1/instrument_1/detector_1/data"
        assert run.info.candidates[1:] == (
            "/entry_1/image_1/data",
            "/entry_1/instrument_1/detector_1/photons",
        )


def test_the_first_number_is_meant_among_numbered_places(tmp_path):
    datasets = {f"/entry_1/image_{number}/data": stack() for number in (10, 2)}
    with open_run(write(tmp_path / "run.cxi", datasets)) as run:
        assert run.info.dataset == "/entry_1/image_2/data"


def test_a_stack_goes_before_a_single_image(tmp_path):
    path = write(
        tmp_path / "run.cxi", {"/entry_1/data_1/data": stack()[0], "/entry_1/frames": stack()}
    )
    with open_run(path) as run:
        assert run.info.dataset == "/entry_1/frames"


@pytest.mark.parametrize(
    "paths", [("/a/images", "/b/images"), ("/data/JF1/data", "/data/JF2/data")]
)
def test_two_equal_places_are_for_the_user_to_choose(paths, tmp_path):
    file = write(tmp_path / "run.h5", {paths[0]: stack(seed=1), paths[1]: stack(seed=2)})
    with pytest.raises(AmbiguousDatasetError) as caught:
        open_run(file)
    assert caught.value.candidates == paths
    with open_run(file, paths[1]) as run:
        np.testing.assert_array_equal(run.read_frame(0), stack(seed=2)[0])


def test_a_chosen_dataset_that_is_not_there_names_those_that_are(tmp_path):
    file = write(tmp_path / "run.h5", {"/entry_1/data_1/data": stack()})
    with pytest.raises(RunFileError, match=r"no dataset /x/y; .* /entry_1/data_1/data"):
        open_run(file, "x/y")
    with pytest.raises(RunFileError, match="is a group"):
        open_run(file, "/entry_1")


def test_masks_and_flat_fields_are_never_taken_for_frames(tmp_path):
    names = ("mask", "pixel_mask", "flatfield", "gain_map", "darks", "data_fourier", "thumbnail")
    with pytest.raises(RunFileError, match="holds no frames"):
        open_run(write(tmp_path / "run.h5", {f"/detector/{name}": stack() for name in names}))


def test_a_chain_of_external_links_is_one_run(tmp_path):
    parts = [stack(3, seed=1), stack(3, seed=2), stack(2, seed=3)]
    master = tmp_path / "run_master.h5"
    with h5py.File(master, "w") as file:
        for number, frames in enumerate(parts, start=1):
            name = f"run_data_{number:06d}.h5"
            write(tmp_path / name, {"/entry/data/data": frames}, chunks=(1, 24, 32))
            link = h5py.ExternalLink(name, "/entry/data/data")
            file.require_group("/entry/data")[f"data_{number:06d}"] = link
        file["/entry/instrument/detector/detectorSpecific/pixel_mask"] = np.zeros((24, 32), "u4")
    with open_run(master) as run:
        assert run.info.dataset == "/entry/data"
        assert run.info.frame_count == 8
        joined = np.concatenate(parts)
        for index in (0, 2, 3, 5, 6, 7):
            np.testing.assert_array_equal(run.read_frame(index), joined[index])
    with open_run(master, "/entry/data") as run:
        assert run.info.frame_count == 8


def link_chain(path, names):
    with h5py.File(path, "w") as file:
        group = file.create_group("/entry/data")
        for number, name in enumerate(names, start=1):
            group[f"data_{number:06d}"] = h5py.ExternalLink(name, "/entry/data/data")


def test_a_lost_part_of_a_chain_is_flagged_and_one_to_come_is_not_counted(tmp_path):
    for name in ("a.h5", "c.h5"):
        write(tmp_path / name, {"/entry/data/data": stack(2)})
    link_chain(tmp_path / "m.h5", ["a.h5", "lost.h5", "c.h5", "to_come.h5"])
    with open_run(tmp_path / "m.h5") as run:
        assert run.info.frame_count == 2  # the lost one may be on its way
    for path in tmp_path.iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))
    with open_run(tmp_path / "m.h5") as run:
        assert run.info.frame_count == 6
        flags = [run.frame_flags(index) for index in range(6)]
    missing = FrameFlag.SOURCE_MISSING
    assert flags == [FrameFlag.NONE] * 2 + [missing] * 2 + [FrameFlag.NONE] * 2


def test_a_chain_whose_files_are_all_missing_names_them_and_is_waited_for(tmp_path):
    link_chain(tmp_path / "m.h5", ["a.h5", "b.h5"])
    with pytest.raises(NotReadyError, match=r"a\.h5.*b\.h5"):
        open_run(tmp_path / "m.h5")


def test_parts_of_different_shape_are_no_run(tmp_path):
    write(tmp_path / "a.h5", {"/entry/data/data": stack(2)})
    write(tmp_path / "b.h5", {"/entry/data/data": stack(2, height=40)})
    link_chain(tmp_path / "m.h5", ["a.h5", "b.h5"])
    with pytest.raises(RunFileError, match="differ in shape"):
        open_run(tmp_path / "m.h5")


def test_one_dataset_a_frame_is_read_in_the_order_of_tags(tmp_path):
    frames = stack(3)
    base = "/run_201/detector_2d_assembled_1"
    path = tmp_path / "201.h5"
    with h5py.File(path, "w") as file:
        file[f"{base}/detector_info/pixel_size_in_micro_meter"] = [50.0, 50.0]
        for tag, frame in zip((120, 9, 1000), frames[[1, 0, 2]], strict=True):
            file[f"{base}/tag_{tag}/detector_data"] = frame
        file["/run_201/event_info/tag_number_list"] = [120, 9, 1000]
        file["/run_201/event_info/bl_3/oh_2/photon_energy_in_eV"] = [5000.0, 5010.0, 4990.0]
    with open_run(path) as run:
        assert run.info.dataset == base
        assert run.info.frame_count == 3
        for index in range(3):
            np.testing.assert_array_equal(run.read_frame(index), frames[index])
        assert [run.frame_name(index) for index in range(3)] == ["9", "120", "1000"]
        assert run.info.geometry.photon_energy_ev == 5000.0
        assert run.info.geometry.pixel_size_m == pytest.approx(50e-6)
        assert run.per_frame_datasets() == (
            "/run_201/event_info/tag_number_list",
            "/run_201/event_info/bl_3/oh_2/photon_energy_in_eV",
        )


def test_unassembled_modules_are_refused_with_the_reason(tmp_path):
    modules = np.zeros((3, 16, 32, 16), np.float32)
    file = write(tmp_path / "run.cxi", {"/entry_1/instrument_1/detector_1/data": modules})
    for dataset in (None, "/entry_1/instrument_1/detector_1/data"):
        with pytest.raises(RunFileError, match="geometry"):
            open_run(file, dataset)


def test_panels_side_by_side_are_refused_with_the_reason(tmp_path):
    file = write(tmp_path / "run.h5", {"/tag-100/data": np.zeros((8192, 512), np.float32)})
    with pytest.raises(RunFileError, match="panels"):
        open_run(file)


def test_one_module_of_a_detector_is_no_pattern(tmp_path):
    path = "/INSTRUMENT/SPB_DET_AGIPD1M-1/DET/0CH0:xtdf/image/data"
    file = write(tmp_path / "CORR-R0001-AGIPD00-S00000.h5", {path: stack(4, 64, 32, "f4")})
    with pytest.raises(RunFileError, match="one module"):
        open_run(file)


UNUSABLE = {
    "compound records": np.zeros(3, dtype=[("x", "f4"), ("y", "f4")]),
    "text": np.array([b"a", b"b"]),
    "complex": np.zeros((3, 24, 32), np.complex64),
    "true/false": np.zeros((3, 24, 32), bool),
    "1-D": np.zeros(30),
    "hold no pattern": np.zeros((3, 1, 32)),
    "0 x 32": np.zeros((3, 0, 32)),
}


@pytest.mark.parametrize("reason", UNUSABLE)
def test_what_cannot_be_frames_is_refused_with_the_reason(reason, tmp_path):
    file = write(tmp_path / "run.cxi", {"/entry_1/data_1/data": UNUSABLE[reason]})
    with pytest.raises(RunFileError, match=reason):
        open_run(file)


def test_absurd_shapes_are_refused_without_taking_memory(tmp_path):
    path = tmp_path / "run.cxi"
    with h5py.File(path, "w") as file:
        file.create_dataset("/entry_1/data_1/data", (2, 1 << 20, 1 << 20), "u2", chunks=(1, 64, 64))
    with pytest.raises(RunFileError, match="at most"):
        open_run(path)
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "/entry_1/data_1/data", (1000, 1024, 1024), "u2", chunks=(600, 1024, 1024)
        )
    with pytest.raises(RunFileError, match="rechunk"):
        open_run(path)


def test_a_stack_without_frames_may_get_some(tmp_path):
    path = tmp_path / "run.cxi"
    with h5py.File(path, "w") as file:
        file.create_dataset("/entry_1/data_1/data", (0, 24, 32), "u2", maxshape=(None, 24, 32))
    with pytest.raises(NotReadyError, match="no complete frame"):
        open_run(path)


def test_a_file_with_nothing_in_it_may_get_something(tmp_path):
    with pytest.raises(NotReadyError):
        open_run(write(tmp_path / "run.cxi", {}))


def test_a_file_without_frames_says_so(tmp_path):
    with pytest.raises(RunFileError, match="holds no frames"):
        open_run(write(tmp_path / "run.h5", {"/a": np.zeros(5), "/b/c": np.zeros((4, 3))}))


@pytest.mark.parametrize(
    "link",
    [
        h5py.SoftLink("/nowhere"),
        h5py.ExternalLink("gone.h5", "/data"),
        h5py.SoftLink("/entry_1/data_1/data"),
    ],
    ids=["soft", "external", "circle"],
)
def test_a_dangling_link_is_named(link, tmp_path):
    path = write(tmp_path / "run.cxi", {})
    with h5py.File(path, "r+") as file:
        file.create_group("/entry_1/data_1")["data"] = link
    with pytest.raises(RunFileError, match=r"/entry_1/data_1/data.*(not there|opened)"):
        open_run(path)


def test_a_link_into_a_pipe_does_not_block(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes on this system")
    os.mkfifo(tmp_path / "pipe.h5")
    link_chain(tmp_path / "m.h5", ["pipe.h5"])
    with pytest.raises(RunFileError):
        open_run(tmp_path / "m.h5")
