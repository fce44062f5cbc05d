"""The file of VGG16's ImageNet weights: found or downloaded, verified, and read as plain tensors.

The file is torchvision's. It is half a gigabyte and therefore in no model folder: those hold its
checksum. It lies where the user says in SPI_VIEWER_VGG16, else in the user's cache folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import urllib.request
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

import torch
from torch import Tensor

from spi_viewer import paths
from spi_viewer.errors import ModelError

FILE_NAME = "vgg16-397923af.pth"
URL = f"https://download.pytorch.org/models/{FILE_NAME}"
SHA256 = "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"
SIZE_BYTES = 553_433_881
VARIABLE = "SPI_VIEWER_VGG16"
_CHUNK_BYTES = 1 << 20
_MAX_BYTES = 1 << 30
_TIMEOUT_S = 30.0  # without a byte

Progress = Callable[[int, int], None]  # bytes so far and in all


def weights_path() -> Path:
    """Where the file is, or would be."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else paths.user_cache_dir() / FILE_NAME


def ensure_weights(progress: Progress = lambda *_: None) -> Path:
    """The file, downloaded into the cache folder if no place was named and it is not there.

    Raises ModelError for a named file that does not exist, or a download that fails.
    """
    path = weights_path()
    if path.is_file():
        return path
    if os.environ.get(VARIABLE):
        raise _missing(path)
    download_weights(path, progress)
    return path


def download_weights(
    path: Path,
    progress: Progress = lambda *_: None,
    url: str = URL,
    sha256: str = SHA256,
    size_bytes: int = SIZE_BYTES,
) -> None:
    """Download to a neighbour of `path`, verify, and rename; a failure leaves nothing behind.

    Raises ModelError naming the address, the file and the way out.
    """
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as source, open(aside, "wb") as target:
            found = _copy(source, target, size_bytes, progress)
        if found != sha256:
            raise ModelError(
                f"{url}: what was downloaded is not the file of VGG16's weights (its checksum is "
                f"{found[:8]}..., not {sha256[:8]}...); a proxy may stand between. {_way_out()}"
            )
        os.replace(aside, path)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise ModelError(f"{url}: cannot be downloaded ({reason}). {_way_out()}") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def read_weights(
    path: Path, shapes: Mapping[str, tuple[int, ...]], sha256: str = SHA256
) -> dict[str, Tensor]:
    """The tensors of a file whose checksum is `sha256`, and whose layout is `shapes`.

    The checksum is compared before anything is read, and what is read are tensors and nothing
    else: no code of the file is run, whatever is in it. It holds the file's size in memory, once.

    Raises:
        ModelError: naming the file, the fault and the way out.
    """
    if not path.is_file():
        raise _missing(path)
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size > _MAX_BYTES:
                raise ModelError(f"{path}: is too large to be VGG16's weights. {_way_out()}")
            found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != sha256:
                raise ModelError(
                    f"{path}: is not the file of VGG16's weights that is wanted, or is damaged "
                    f"(its checksum is {found[:8]}..., not {sha256[:8]}...). {_way_out()}"
                )
            file.seek(0)
            stored = _load(path, file)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error})") from error
    return _checked(path, stored, shapes)


def _load(path: Path, file: IO[bytes]) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the official file is of torch's first format
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a pickle that holds anything else raises anything
        cause = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{path}: holds something else than plain tensors, and is not loaded ({cause})"
        ) from error


def _checked(
    path: Path, stored: object, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Tensor]:
    """The tensors of `shapes`, which must be all that there is."""
    if not isinstance(stored, dict):
        raise ModelError(f"{path}: is not a table of tensors. {_way_out()}")
    different = stored.keys() ^ shapes.keys()
    if different:
        name = min(map(str, different))
        fault = "lacks" if name in shapes else "has an unknown"
        raise ModelError(f"{path}: is not of VGG16's layout: {fault} {name}. {_way_out()}")
    for name, shape in shapes.items():
        value = stored[name]
        if not isinstance(value, Tensor) or value.shape != shape or value.dtype != torch.float32:
            raise ModelError(
                f"{path}: is not of VGG16's layout: {name} is not float32 {shape}. {_way_out()}"
            )
        # Not isfinite(value), which makes a copy of every number.
        if not all(torch.isfinite(end) for end in value.aminmax()):
            raise ModelError(f"{path}: {name} holds values that are not finite")
    return {str(name): value for name, value in stored.items()}


def _copy(source: IO[bytes], target: IO[bytes], size_bytes: int, progress: Progress) -> str:
    """Copy at most a little more than the size that is expected; the SHA-256 of what was copied."""
    digest, done = hashlib.sha256(), 0
    for chunk in _chunks(source):
        digest.update(chunk)
        target.write(chunk)
        done += len(chunk)
        progress(done, size_bytes)
        if done > size_bytes:
            break  # something else; the checksum will say so
    return digest.hexdigest()


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    while chunk := source.read(_CHUNK_BYTES):
        yield chunk


def _missing(path: Path) -> ModelError:
    return ModelError(f"{path}: VGG16's weights are not there. {_way_out()}")


def _way_out() -> str:
    kept = paths.user_cache_dir() / FILE_NAME
    return (
        f"Where there is a network, `spi-viewer classify` and `spi-viewer train` download them "
        f"({SIZE_BYTES / 1e6:.0f} MB); elsewhere copy {URL} to {kept}, or name its place in "
        f"{VARIABLE}"
    )
