import struct
import zlib

import numpy as np
import pytest
from fabio.cbfimage import CbfImage
from fabio.edfimage import EdfImage
from fabio.tifimage import TifImage
from PIL import Image

from spi_viewer.errors import NotReadyError, RunFileError
from spi_viewer.sources.run_file import open_run

WRITERS = {".tif": TifImage, ".cbf": CbfImage, ".edf": EdfImage}


def pixels():
    frame = np.random.default_rng(0).integers(0, 50, (64, 80)).astype(np.int32)
    frame[30:34] = -1
    frame[5, 5] = 70000
    return frame


@pytest.mark.parametrize("suffix", WRITERS)
def test_an_image_is_a_run_of_one_frame(tmp_path, suffix):
    path = tmp_path / f"shot{suffix}"
    WRITERS[suffix](data=pixels()).write(str(path))
    with open_run(path) as run:
        assert run.info.frame_count == run.refresh() == 1
        assert run.info.frame_shape == (64, 80)
        assert run.info.dtype == "<i4"
        np.testing.assert_array_equal(run.read_frame(0), pixels())
        assert run.valid_pixels(0).all()
        with pytest.raises(RunFileError, match="no frame 1"):
            run.read_frame(1)


@pytest.mark.parametrize("fraction", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("suffix", WRITERS)
def test_a_torn_image_may_be_ready_later(tmp_path, suffix, fraction):
    whole, torn = tmp_path / f"whole{suffix}", tmp_path / f"torn{suffix}"
    WRITERS[suffix](data=pixels()).write(str(whole))
    content = whole.read_bytes()
    torn.write_bytes(content[: int(len(content) * fraction)])
    with pytest.raises(RunFileError) as caught:
        open_run(torn)
    assert str(torn) in str(caught.value)
    if fraction > 0.1:
        assert isinstance(caught.value, NotReadyError)


def test_every_frame_of_an_edf_stack_is_read(tmp_path):
    image = EdfImage(data=pixels())
    image.append_frame(data=pixels() + 1)
    image.write(str(tmp_path / "stack.edf"))
    with open_run(tmp_path / "stack.edf") as run:
        assert run.info.frame_count == 2
        np.testing.assert_array_equal(run.read_frame(1), pixels() + 1)
        np.testing.assert_array_equal(run.read_frame(0), pixels())


def test_pixels_of_other_byte_order_keep_their_values(tmp_path):
    path = tmp_path / "big.edf"
    header = (
        "{\nByteOrder = HighByteFirst ;\nDataType = UnsignedShort ;\nDim_1 = 80 ;\nDim_2 = 64 ;\n"
    )
    counts = np.arange(64 * 80).reshape(64, 80)
    path.write_bytes(header.ljust(510).encode() + b"}\n" + counts.astype(">u2").tobytes())
    with open_run(path) as run:
        np.testing.assert_array_equal(run.read_frame(0), counts)


def test_geometry_of_a_pilatus_image_is_read_from_its_comments(tmp_path):
    path = tmp_path / "shot.cbf"
    CbfImage(data=pixels()).write(str(path))
    comments = (
        b"# Pixel_size 172e-6 m x 172e-6 m\r\n# Wavelength 1.0 A\r\n# Detector_distance 0.2 m\r\n"
    )
    path.write_bytes(path.read_bytes().replace(b"data_shot", comments + b"data_shot"))
    with open_run(path) as run:
        geometry = run.info.geometry
    assert geometry.pixel_size_m == pytest.approx(172e-6)
    assert geometry.distance_m == pytest.approx(0.2)
    assert geometry.photon_energy_ev == pytest.approx(12398.42, abs=0.01)


def test_a_cbf_of_absurd_size_is_refused_before_memory_is_taken(tmp_path):
    path = tmp_path / "huge.cbf"
    CbfImage(data=pixels()).write(str(path))
    content = path.read_bytes().replace(b"Fastest-Dimension: 80", b"Fastest-Dimension: 8000000000")
    path.write_bytes(content)
    with pytest.raises(RunFileError, match="does not fit"):
        open_run(path)


def test_a_tiff_whose_list_of_images_is_a_circle_does_not_hang(tmp_path):
    path = tmp_path / "circle.tif"
    TifImage(data=pixels()).write(str(path))
    content = bytearray(path.read_bytes())
    first = int.from_bytes(content[4:8], "little")
    entries = int.from_bytes(content[first : first + 2], "little")
    end = first + 2 + 12 * entries
    content[end : end + 4] = content[4:8]
    path.write_bytes(content)
    with pytest.raises(RunFileError, match="leads back to itself"):
        open_run(path)


def write_tiff(path, pixels, order, compression):
    """One strip by the book (TIFF 6.0), of any byte order, deflated or not."""
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    data = zlib.compress(data) if compression == 8 else data
    kinds = {"u": 1, "i": 2, "f": 3}
    tags = [(256, 4, pixels.shape[1]), (257, 4, pixels.shape[0])]
    tags += [(258, 3, 8 * pixels.itemsize), (259, 3, compression), (262, 3, 1), (273, 4, 8)]
    tags += [(277, 3, 1), (278, 4, pixels.shape[0]), (279, 4, len(data))]
    tags += [(339, 3, kinds[pixels.dtype.kind])]
    content = struct.pack(order + "H", len(tags))
    for tag, kind, value in tags:
        packed = struct.pack(order + ("HH" if kind == 3 else "I"), *([value, 0][: 5 - kind]))
        content += struct.pack(order + "HHI", tag, kind, 1) + packed
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(data))
    path.write_bytes(head + data + content + bytes(4))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4", "f2"])
def test_a_tiff_is_read_as_it_is_or_not_at_all(tmp_path, order, compression, dtype):
    pixels = np.random.default_rng(0).integers(0, 120, (60, 90)).astype(dtype)
    path = tmp_path / "image.tif"
    write_tiff(path, pixels, order, compression)
    is_odd = dtype == "f2" or (order == ">" and compression != 1 and dtype != "u1")
    if is_odd:
        with pytest.raises(RunFileError, match="save it uncompressed") as refused:
            open_run(path)
        assert not isinstance(refused.value, NotReadyError)
        return
    with open_run(path) as run:
        np.testing.assert_array_equal(run.read_frame(0), pixels)


@pytest.mark.parametrize(
    ("shape", "options", "told"),
    [
        ((60, 90, 3), {"compression": "tiff_lzw"}, "colour"),
        ((60, 90, 3), {}, "colour"),
        ((60, 90), {"compression": "packbits"}, "save it uncompressed"),
        ((60, 90), {"compression": "tiff_lzw", "save_all": True}, "save it uncompressed"),
    ],
)
def test_a_tiff_that_would_be_read_wrongly_is_refused(tmp_path, shape, options, told):
    pixels = np.random.default_rng(0).integers(0, 200, shape).astype("u1")
    several = {"append_images": [Image.fromarray(pixels)]} if "save_all" in options else {}
    Image.fromarray(pixels).save(tmp_path / "image.tif", **options, **several)
    with pytest.raises(RunFileError, match=told) as refused:
        open_run(tmp_path / "image.tif")
    assert not isinstance(refused.value, NotReadyError)
