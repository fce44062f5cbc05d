"""ImageNet's weights for VGG16, downloaded by a command that needs them, with a bar."""

from __future__ import annotations


def provide_vgg16_weights() -> None:
    """Download the file if it is not there; raises ModelError naming it and the way out."""
    from tqdm import tqdm

    from spi_viewer.baselines.vgg16_weights import FILE_NAME, ensure_weights

    with tqdm(unit="B", unit_scale=True, desc=FILE_NAME, disable=None, delay=0.5) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        ensure_weights(show)


def provide_missing_weights(model: str) -> None:
    """Download what a model needs beside its folder; raises ModelError, also for no model."""
    from spi_viewer.networks.classifier import find_model
    from spi_viewer.networks.model_card import read_kind

    if read_kind(find_model(model)) == "vgg16":
        provide_vgg16_weights()
