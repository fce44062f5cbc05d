"""Half a gigabyte from the network is trusted for its checksum, and read as tensors alone."""

import hashlib
import os
import pickle
import urllib.error
import urllib.request

import pytest
import torch

from spi_viewer import paths
from spi_viewer.baselines import vgg16_weights
from spi_viewer.baselines.vgg16_network import VGG16, file_shapes
from spi_viewer.baselines.vgg16_weights import (
    FILE_NAME,
    SHA256,
    VARIABLE,
    download_weights,
    ensure_weights,
    read_weights,
    weights_path,
)
from spi_viewer.errors import ModelError


class Malicious:
    """Touches a file when it is unpickled."""

    def __init__(self, touched):
        self.touched = touched

    def __reduce__(self):
        return os.mkdir, (str(self.touched),)


@pytest.fixture
def layout(imagenet_file):
    """Names and shapes of the small file."""
    return file_shapes(imagenet_file[1])


def checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_layout_of_the_official_file():
    shapes = file_shapes(VGG16)
    convs = [int(n.split(".")[1]) for n in shapes if n.startswith("f") and n.endswith("weight")]
    assert convs == [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    assert shapes["features.0.weight"] == (64, 3, 3, 3)
    assert shapes["features.28.weight"] == (512, 512, 3, 3)
    assert shapes["classifier.0.weight"] == (4096, 25088)
    assert shapes["classifier.3.weight"] == (4096, 4096)
    assert shapes["classifier.6.bias"] == (1000,)
    assert sum(torch.Size(shape).numel() for shape in shapes.values()) == 138_357_544
    assert SHA256.startswith("397923af")
    assert VGG16.feature_count == 8192


@pytest.mark.parametrize("zipped", [False, True])
def test_both_formats_of_torch_are_read(tmp_path, imagenet_file, layout, zipped):
    tensors = read_weights(imagenet_file[0], layout, imagenet_file[1].vgg16_sha256)
    assert {name: tuple(value.shape) for name, value in tensors.items()} == layout
    path = tmp_path / "again.pth"
    torch.save(tensors, path, _use_new_zipfile_serialization=zipped)
    again = read_weights(path, layout, checksum(path))
    assert all(torch.equal(again[name], tensors[name]) for name in layout)


@pytest.mark.parametrize("form", ["pickle", "zipped", "first", "among tensors"])
def test_code_in_the_file_is_refused_and_never_run(tmp_path, imagenet_file, layout, form):
    touched, path = tmp_path / "touched", tmp_path / "weights.pth"
    evil = Malicious(touched)
    if form == "pickle":
        path.write_bytes(pickle.dumps(evil))
    elif form == "among tensors":
        torch.save({**torch.load(imagenet_file[0]), "features.0.bias": evil}, path)
    else:
        torch.save(evil, path, _use_new_zipfile_serialization=form == "zipped")
    with pytest.raises(ModelError, match="something else than plain tensors") as refused:
        read_weights(path, layout, checksum(path))
    assert str(path) in str(refused.value)
    assert not touched.exists()


def test_a_file_of_another_checksum_is_not_even_opened(tmp_path, layout, monkeypatch):
    path = tmp_path / FILE_NAME
    torch.save({"any": torch.zeros(1)}, path)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was loaded"))
    with pytest.raises(ModelError, match="checksum") as refused:
        read_weights(path, layout)
    assert str(path) in str(refused.value)
    assert vgg16_weights.URL in str(refused.value)  # the way out


def drop(tensors):
    del tensors["classifier.3.bias"]


def add(tensors):
    tensors["features.30.weight"] = torch.zeros(1)


def reshape(tensors):
    tensors["features.2.weight"] = tensors["features.2.weight"][:1].clone()


def retype(tensors):
    tensors["features.2.bias"] = tensors["features.2.bias"].double()


def spoil(tensors):
    tensors["features.2.bias"][0] = torch.nan


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (drop, "lacks classifier.3.bias"),
        (add, "unknown features.30.weight"),
        (reshape, "features.2.weight is not float32"),
        (retype, "features.2.bias is not float32"),
        (spoil, "not finite"),
    ],
)
def test_another_layout_is_refused_by_name(tmp_path, imagenet_file, layout, change, told):
    tensors = torch.load(imagenet_file[0])
    change(tensors)
    path = tmp_path / "other.pth"
    torch.save(tensors, path)
    with pytest.raises(ModelError, match=told) as refused:
        read_weights(path, layout, checksum(path))
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"no tensors\n", b"PK\x03\x04", b"\x80\x02."])
def test_what_is_no_file_of_tensors_is_refused(tmp_path, layout, content):
    path = tmp_path / "other.pth"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="plain tensors"):
        read_weights(path, layout, checksum(path))


def test_a_list_of_tensors_is_refused(tmp_path, layout):
    path = tmp_path / "list.pth"
    torch.save([torch.zeros(2)], path)
    with pytest.raises(ModelError, match="not a table of tensors"):
        read_weights(path, layout, checksum(path))


def test_a_named_file_that_is_not_there_is_not_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "gone.pth"))
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: pytest.fail("it went online"))
    with pytest.raises(ModelError, match="are not there") as refused:
        ensure_weights()
    assert str(tmp_path / "gone.pth") in str(refused.value)
    assert VARIABLE in str(refused.value)


def test_a_download_is_kept_in_the_cache_and_asked_for_once(imagenet_file, monkeypatch):
    monkeypatch.delenv(VARIABLE)
    source, config = imagenet_file
    told = []

    def download(path, progress):
        size = source.stat().st_size
        download_weights(path, progress, source.as_uri(), config.vgg16_sha256, size)

    monkeypatch.setattr(vgg16_weights, "download_weights", download)
    path = ensure_weights(lambda done, total: told.append((done, total)))
    assert path == weights_path() == paths.user_cache_dir() / FILE_NAME
    assert path.read_bytes() == source.read_bytes()
    assert told[-1] == (source.stat().st_size, source.stat().st_size)
    monkeypatch.setattr(vgg16_weights, "download_weights", lambda *_: pytest.fail("again"))
    assert ensure_weights() == path


def test_without_a_network_the_way_out_is_named(tmp_path, monkeypatch):
    def offline(*_, **__):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(urllib.request, "urlopen", offline)
    with pytest.raises(ModelError, match="Name or service not known") as refused:
        download_weights(tmp_path / FILE_NAME)
    assert all(part in str(refused.value) for part in (vgg16_weights.URL, FILE_NAME, VARIABLE))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [10, 10**7])
def test_something_else_from_the_network_is_not_kept(tmp_path, size):
    page = tmp_path / "page.html"
    page.write_bytes(b"x" * size)
    folder = tmp_path / "cache"
    folder.mkdir()
    with pytest.raises(ModelError, match="not the file of VGG16's weights"):
        download_weights(folder / FILE_NAME, url=page.as_uri(), size_bytes=1000)
    assert not list(folder.iterdir())


def test_a_folder_that_cannot_be_written_is_named(tmp_path, imagenet_file):
    with pytest.raises(ModelError, match="cannot be downloaded"):
        download_weights(tmp_path / "no" / FILE_NAME, url=imagenet_file[0].as_uri())
