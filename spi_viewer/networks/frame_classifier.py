"""What the program asks of anything that judges frames, whatever it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from spi_viewer.frames import DecisionRule

if TYPE_CHECKING:
    from spi_viewer.networks.activation_maps import Explanation


@dataclass(frozen=True)
class Classification:
    """Answers for B frames.

    Attributes:
        probabilities: (B, 4) float32, calibrated, in the order of FrameClass.
        out_of_distribution: (B,) bool.
        features: (B, C) float32 for embeddings, alike frames near; None where the kind has none.
    """

    probabilities: NDArray[np.float32]
    out_of_distribution: NDArray[np.bool_]
    features: NDArray[np.float32] | None = None


class FrameClassifier(Protocol):
    """A model in use; may be called from several threads.

    Attributes:
        name: of the model.
        rule: threshold and unsure band, from the model's card until set otherwise.
        model_hash: SHA-256 of the weights.
        classes: names of the columns of the probabilities.
    """

    name: str
    rule: DecisionRule
    model_hash: str
    classes: tuple[str, ...]

    @property
    def device_name(self) -> str:
        """Where it computes now, as users read it."""
        ...

    def set_threshold(self, threshold: float) -> None:
        """Call good from another P(single) on; the unsure band is widened to contain it."""
        ...

    def classify(self, counts: NDArray[np.float32], valid: NDArray[np.bool_]) -> Classification:
        """Judge counts (B, 128, 128) and valid (B, 128, 128) bool, B of any size."""
        ...

    def explain(self, counts: NDArray[np.float32], valid: NDArray[np.bool_]) -> Explanation:
        """Explain counts (128, 128) and valid (128, 128) bool, as far as the kind can."""
        ...
