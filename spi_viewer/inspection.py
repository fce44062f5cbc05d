"""What there is to see of one frame: its pixels, its verdict, and the network's reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spi_viewer.frames import Crop, FrameClass, FrameFlag, FrameId, FullFrame, Verdict

if TYPE_CHECKING:
    from spi_viewer.networks.activation_maps import Explanation


@dataclass(slots=True)
class Inspection:
    """Everything there is to see of one frame.

    Attributes:
        row: the frame's row in the session; None for one that is not judged yet.
        crop: the operator's where there is one, else that with which the frame was judged.
        verdict: as judged, by the rule that holds now; of the explanation if it is not judged yet.
        threshold: of that rule.
        frame: as it stands on disk; None when it cannot be read (then `error` says why).
        counts, valid: (128, 128), what was cut out for the network.
        per_pixel: (128, 128), standardised per pixel over the run so far; None before two frames.
        explanation: by the model in use, of the crop that is shown; None while the model is being
            loaded, or for a frame without a pattern.
        explained_by: name of that model.
        judged: (4,) probabilities behind the verdict; None for a frame without a pattern.
        judged_by: name of the model behind them.
        flags: of the data, and whether the frame is unlike the training of the model.
        is_unsure: worth a person's look.
        run: the session's run that the frame belongs to; None where that is not known.
    """

    row: int | None
    id: FrameId
    crop: Crop
    verdict: Verdict
    threshold: float
    frame: FullFrame | None
    counts: NDArray[np.float32]
    valid: NDArray[np.bool_]
    per_pixel: NDArray[np.float32] | None = None
    explanation: Explanation | None = None
    explained_by: str = ""
    judged: NDArray[np.float32] | None = None
    judged_by: str = ""
    flags: FrameFlag = FrameFlag.NONE
    is_unsure: bool = False
    error: str | None = None
    run: int | None = None

    @property
    def is_unfamiliar(self) -> bool:
        """Unlike anything that the model which judged it was trained on."""
        return FrameFlag.OUT_OF_DISTRIBUTION in self.flags

    @property
    def p_good(self) -> float | None:
        """P(single) behind the verdict; None if there is none."""
        if self.judged is not None:
            return float(self.judged[FrameClass.SINGLE])
        if self.explanation is not None:
            return float(self.explanation.probabilities[FrameClass.SINGLE])
        return None
