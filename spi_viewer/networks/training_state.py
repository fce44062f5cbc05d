"""What an interrupted training needs to go on as if nothing had happened; no pickle."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from spi_viewer.errors import ModelError
from spi_viewer.networks.model_folder import write_aside
from spi_viewer.networks.network import Network
from spi_viewer.preprocessing.network_input import PixelStatistics

STATE_NAME = "training_state.safetensors"


@dataclass
class TrainingState:
    """Everything that changes while training.

    Attributes:
        average: exponential moving average of the network's weights; the result.
        step: updates done.
        best_score: of the model kept so far.
        history: one entry an epoch.
    """

    network: Network
    average: Network
    optimizer: torch.optim.AdamW
    pixel_statistics: PixelStatistics | None = None
    step: int = 0
    frames: int = 0
    best_score: float = -1.0
    history: list[dict[str, Any]] = field(default_factory=list)


def new_average(network: Network) -> Network:
    """A copy in evaluation mode that gradients do not reach."""
    return copy.deepcopy(network).eval().requires_grad_(False)


def save_state(folder: Path, state: TrainingState, settings: dict[str, Any]) -> None:
    """Write state and settings as one file, aside and renamed."""
    tensors = {f"network.{k}": v for k, v in state.network.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in state.average.state_dict().items()}
    for number, moments in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{k}": v for k, v in moments.items()}
    if state.pixel_statistics is not None:
        tensors |= {f"pixels.{k}": v for k, v in vars(state.pixel_statistics).items()}
    tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    progress = {name: getattr(state, name) for name in ("step", "frames", "best_score", "history")}
    metadata = {"settings": json.dumps(settings), "progress": json.dumps(progress)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_aside(folder / STATE_NAME, safetensors.torch.save(tensors, metadata))
    except OSError as error:
        raise ModelError(f"{folder}: the training cannot be saved ({error})") from error


def load_state(folder: Path, state: TrainingState, settings: dict[str, Any]) -> None:
    """Fill a fresh state from the folder's file.

    Raises ModelError if the file is damaged or belongs to a training with other settings.
    """
    path = folder / STATE_NAME
    tensors, metadata = _read(path)
    try:
        stored, progress = json.loads(metadata["settings"]), json.loads(metadata["progress"])
    except (KeyError, ValueError, TypeError) as error:
        raise ModelError(f"{path}: not a training state; start afresh ({error!r})") from error
    _compare(path, stored, settings)
    try:
        state.network.load_state_dict(_part(tensors, "network."))
        state.average.load_state_dict(_part(tensors, "average."))
        _load_optimizer(state.optimizer, _part(tensors, "optimizer."))
        if pixels := _part(tensors, "pixels."):
            state.pixel_statistics = PixelStatistics(**pixels)
        for name, value in progress.items():
            setattr(state, name, value)
    except (RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: damaged; start afresh ({error})") from error


def discard_state(folder: Path) -> None:
    """Leave only the model behind."""
    (folder / STATE_NAME).unlink(missing_ok=True)


def completed_steps(folder: Path) -> int:
    """Updates that the folder's unfinished training has done; 0 without one.

    A stream for the rest should be seeded with it, so that no frame is drawn twice.
    """
    if not (folder / STATE_NAME).is_file():
        return 0
    _, metadata = _read(folder / STATE_NAME)
    try:
        return int(json.loads(metadata["progress"])["step"])
    except (KeyError, ValueError, TypeError) as error:
        raise ModelError(f"{folder / STATE_NAME}: not a training state; start afresh") from error


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            names, metadata = file.keys(), file.metadata() or {}
            return {name: file.get_tensor(name) for name in names}, metadata
    except (OSError, safetensors.SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read; start afresh ({error})") from error


def _compare(path: Path, stored: dict[str, Any], settings: dict[str, Any]) -> None:
    for name, value in json.loads(json.dumps(settings)).items():
        if stored.get(name) != value:
            raise ModelError(
                f"{path}: this training was begun with {name} = {stored.get(name)}, not {value}; "
                "use the same settings or start afresh"
            )


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _load_optimizer(optimizer: torch.optim.AdamW, tensors: dict[str, Tensor]) -> None:
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        number, key = name.split(".")
        moments.setdefault(int(number), {})[key] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})
