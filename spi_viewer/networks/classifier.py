"""A trained network in use: counts in, calibrated class probabilities out."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spi_viewer import paths
from spi_viewer.errors import ModelError
from spi_viewer.frames import NETWORK_SIDE_PX
from spi_viewer.networks import activation_maps
from spi_viewer.networks.checkpoint import Model, load_model
from spi_viewer.networks.devices import choose_device, device_label
from spi_viewer.networks.familiarity import Familiarity, pooled
from spi_viewer.networks.frame_classifier import Classification
from spi_viewer.networks.model_card import CARD_NAME
from spi_viewer.networks.network import Network
from spi_viewer.preprocessing.network_input import network_input, tensor_of

_log = logging.getLogger(__name__)
_CPU_FRAMES = 16  # as fast as 64, in a quarter of the memory, which stays taken once it was
_GPU_FRAMES = 512

_T = TypeVar("_T")


@dataclass(frozen=True)
class _Placement:
    """The network where it computes; replaced as a whole, never changed."""

    device: torch.device
    network: Network
    familiarity: Familiarity | None
    max_frames: int


class Classifier:
    """Judges frames with one model; may be called from several threads.

    A GPU without memory for a batch gets halves; one that is lost is replaced by the CPU.

    Attributes:
        name: of the model.
        rule: threshold and unsure band, from the model's card until set otherwise.
        model_hash: SHA-256 of the weights.
        classes: names of the columns of the probabilities.
    """

    def __init__(self, model: Model, device: torch.device) -> None:
        self._model = model
        self._lock = threading.Lock()
        self._placement = _place(model, device)
        self.name = model.card.name
        self.rule = model.card.rule
        self.model_hash = model.card.weights_sha256
        self.classes = model.card.classes

    @classmethod
    def load(cls, name_or_folder: str | Path, device: str = "auto") -> Classifier:
        """Load a bundled model by name, or any model folder; raises ModelError."""
        return cls(load_model(find_model(name_or_folder)), choose_device(device))

    @property
    def device_name(self) -> str:
        """Where it computes now, as users read it."""
        return device_label(self._placement.device)

    def set_threshold(self, threshold: float) -> None:
        """Call good from another P(single) on; the unsure band is widened to contain it."""
        self.rule = self.rule.moved_to(threshold)

    def classify(self, counts: NDArray[np.float32], valid: NDArray[np.bool_]) -> Classification:
        """Judge counts (B, 128, 128) and valid (B, 128, 128) bool, B of any size."""
        counts_t, valid_t = checked_frames(counts, valid)
        if not len(counts_t):
            width = len(self.classes)
            features = np.zeros((0, self._model.network.feature_count), np.float32)
            return Classification(np.zeros((0, width), np.float32), np.zeros(0, bool), features)
        return self._on_device(lambda place: self._classify(place, counts_t, valid_t))

    def explain(
        self, counts: NDArray[np.float32], valid: NDArray[np.bool_]
    ) -> activation_maps.Explanation:
        """Explain counts (128, 128) and valid (128, 128) bool."""
        counts_t, valid_t = checked_frames(counts[None], valid[None])
        temperature = self._model.card.temperature

        def work(place: _Placement) -> activation_maps.Explanation:
            x = self._input(place, counts_t, valid_t)
            return activation_maps.explain(place.network, x, temperature)

        return self._on_device(work)

    def _classify(self, place: _Placement, counts: Tensor, valid: Tensor) -> Classification:
        """All batches are queued before the first answer is awaited: copies overlap computing."""
        answers = [
            self._judge(place, counts[part], valid[part])
            for part in _parts(len(counts), place.max_frames)
        ]
        columns = zip(*answers, strict=True)
        return Classification(*(torch.cat(column).cpu().numpy() for column in columns))

    @torch.inference_mode()
    def _judge(
        self, place: _Placement, counts: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Probabilities, unfamiliar or not, and pooled features of one batch."""
        x = self._input(place, counts, valid)
        with _half_precision(place.device):
            features = place.network.forward_features(x)
            scores = place.network.forward_head(features).float()
        probability = (scores / self._model.card.temperature).softmax(1)
        unfamiliar = (
            torch.zeros(len(x), dtype=torch.bool, device=x.device)
            if place.familiarity is None
            else place.familiarity.is_unfamiliar(features)
        )
        return probability, unfamiliar, pooled(features)

    def _input(self, place: _Placement, counts: Tensor, valid: Tensor) -> Tensor:
        if place.device.type == "cuda":
            counts, valid = counts.pin_memory(), valid.pin_memory()
        counts = counts.to(place.device, non_blocking=True)
        valid = valid.to(place.device, non_blocking=True)
        card, statistics = self._model.card, self._model.pixel_statistics
        x = network_input(counts, valid, card.input_kind, statistics)
        return x.contiguous(memory_format=torch.channels_last)

    def _on_device(self, work: Callable[[_Placement], _T]) -> _T:
        """Do the work; in smaller pieces, and at last on the CPU, if the GPU cannot."""
        while True:
            place = self._placement
            try:
                return work(place)
            except RuntimeError as error:  # torch's errors of memory and device are RuntimeErrors
                smaller = _after(error, place, self._model)
                if smaller is None:
                    raise
                with self._lock:
                    if self._placement is place:  # another thread may have been first
                        self._placement = smaller


def find_model(name_or_folder: str | Path) -> Path:
    """Folder of a bundled model's name or of a path; raises ModelError naming the bundled ones."""
    folder = Path(name_or_folder)
    if folder.is_dir():
        return folder
    bundled = paths.models_dir() / name_or_folder
    if bundled.is_dir():
        return bundled
    names = sorted(p.parent.name for p in paths.models_dir().glob(f"*/{CARD_NAME}"))
    known = f"bundled are: {', '.join(names)}" if names else "none is bundled"
    raise ModelError(f"{name_or_folder}: no such model folder; {known}")


def _place(model: Model, device: torch.device) -> _Placement:
    network = copy.deepcopy(model.network).eval().fuse_batch_norm()
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    familiarity = model.familiarity.to(device) if model.familiarity is not None else None
    frames = _CPU_FRAMES if device.type == "cpu" else _GPU_FRAMES
    return _Placement(device, network.requires_grad_(False), familiarity, frames)


def _half_precision(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Half precision where it is faster."""
    if device.type == "cuda":
        return torch.autocast("cuda", torch.float16)
    return contextlib.nullcontext()


def _after(error: RuntimeError, place: _Placement, model: Model) -> _Placement | None:
    """Where to go on after an error; None if it is not about the device."""
    if isinstance(error, torch.OutOfMemoryError) and place.max_frames > 1:
        half = place.max_frames // 2
        _log.warning("%s out of memory; batches of %d frames from now on", place.device, half)
        if place.device.type == "cuda":
            torch.cuda.empty_cache()
        return dataclasses.replace(place, max_frames=half)
    lost = isinstance(error, torch.OutOfMemoryError) or "CUDA" in str(error)
    if place.device.type == "cpu" or not lost:
        return None
    _log.warning("%s is lost (%s); going on with the CPU", place.device, error)
    return _place(model, torch.device("cpu"))


def _parts(count: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, count, size))


def checked_frames(counts: NDArray, valid: NDArray) -> tuple[Tensor, Tensor]:
    """Counts (B, 128, 128) float32 and valid bool as tensors; ValueError for other shapes."""
    side = (NETWORK_SIDE_PX, NETWORK_SIDE_PX)
    if counts.ndim != 3 or counts.shape[1:] != side or valid.shape != counts.shape:
        raise ValueError(f"frames must be (B, 128, 128), got {counts.shape} and {valid.shape}")
    return tensor_of(np.asarray(counts, np.float32)), tensor_of(np.asarray(valid, bool))
