"""The networks that an adaptation chooses among, and what they say of frames."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spi_viewer.adaptation.batch_norms import PRIOR_FRAMES, with_adapted_norms
from spi_viewer.adaptation.embedding import Embedding, embed, inputs_of
from spi_viewer.adaptation.few_shot_head import FewShotHead, with_head
from spi_viewer.labelled_frames import LabelledFrames
from spi_viewer.networks.checkpoint import Model
from spi_viewer.networks.familiarity import Familiarity, pooled
from spi_viewer.preprocessing.network_input import InputKind, RunningPixelStatistics

AS_TRAINED, NORMS = "as trained", "batch norms of the run"
_FAMILIAR = 0.99  # of the run's frames, once a model is adapted to it


@dataclass(frozen=True)
class NetworksForRun:
    """A model as it was trained, and with the batch norms of a run.

    Attributes:
        models: by AS_TRAINED and NORMS.
        spreads: (C,) standard deviations of each one's averaged maps over the run.
        device: that they compute on.
    """

    models: dict[str, Model]
    spreads: dict[str, NDArray[np.float64]]
    device: torch.device

    def embeddings(self, counts: Tensor, valid: Tensor) -> dict[str, Embedding]:
        """What each says of counts and valid (N, 128, 128)."""
        return {
            kind: _embedded(model, counts, valid, self.device)
            for kind, model in self.models.items()
        }

    def with_head(self, kind: str, head: FewShotHead, frames: LabelledFrames) -> Embedding:
        """What the one of a kind says of frames with a new head."""
        model = self.models[kind]
        model = model._replace(network=with_head(model.network, head))
        return _embedded(model, frames.counts, frames.valid, self.device)


def networks_for_run(
    model: Model,
    counts: Tensor,
    valid: Tensor,
    device: torch.device,
    prior_frames: float = PRIOR_FRAMES,
) -> NetworksForRun:
    """Both networks, from unlabelled frames of a run: counts and valid (N, 128, 128)."""
    network, kind = model.network.to(device), model.card.input_kind
    statistics = model.pixel_statistics
    shown = list(inputs_of(counts, valid, kind, statistics, device))
    # For a head that may sit on it: as it stands it is not written.
    trained = model._replace(
        network=network, familiarity=_widened(model.familiarity, network, shown)
    )
    if model.card.input_kind is InputKind.PER_PIXEL:
        running = RunningPixelStatistics()
        running.update(counts, valid)
        statistics = running.statistics
    inputs = list(inputs_of(counts, valid, model.card.input_kind, statistics, device))
    adapted = with_adapted_norms(network, inputs, prior_frames)
    familiarity = _widened(model.familiarity, adapted, inputs)
    models = {AS_TRAINED: trained, NORMS: Model(adapted, model.card, statistics, familiarity)}
    spreads = {
        kind: _embedded(one, counts, valid, device).features.std(0) for kind, one in models.items()
    }
    return NetworksForRun(models, spreads, device)


def _embedded(model: Model, counts: Tensor, valid: Tensor, device: torch.device) -> Embedding:
    kind, statistics = model.card.input_kind, model.pixel_statistics
    return embed(model.network, inputs_of(counts, valid, kind, statistics, device))


@torch.inference_mode()
def _widened(
    familiarity: Familiarity | None, network: torch.nn.Module, inputs: list[Tensor]
) -> Familiarity | None:
    """The run is familiar now: the limit lets its frames in, all but the strangest."""
    if familiarity is None:
        return None
    averages = [pooled(network.forward_features(x)).cpu() for x in inputs]  # type: ignore[operator]
    distances = familiarity.distance(torch.cat(averages)[:, :, None, None])
    limit = torch.quantile(distances, _FAMILIAR)
    return replace(familiarity, limit=torch.maximum(familiarity.limit, limit).float())
