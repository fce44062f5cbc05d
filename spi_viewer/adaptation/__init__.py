"""A finished model made to fit a new run, without labels or with a few."""

from spi_viewer.adaptation.adapting import (
    AS_TRAINED,
    HEAD,
    NORMS,
    Adaptation,
    adapt_model,
    repeated_splits,
)

__all__ = ["AS_TRAINED", "HEAD", "NORMS", "Adaptation", "adapt_model", "repeated_splits"]
