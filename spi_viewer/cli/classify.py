"""`classify`: the network's verdicts as a table, without a window."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spi_viewer.cli.crops import CropOption
from spi_viewer.cli.messages import show_error
from spi_viewer.errors import RunFileError, SpiViewerError
from spi_viewer.paths import DEFAULT_MODEL

if TYPE_CHECKING:
    from tqdm import tqdm

    from spi_viewer.frames import FrameBatch
    from spi_viewer.sources.run_feed import RunFeed

_WAITING_PAUSE_S = 0.1


def classify(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Run files, or directories of them.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="CSV file, a row a frame.")],
    model: Annotated[
        str, typer.Option(help="Bundled model or model folder, of a network or a baseline.")
    ] = DEFAULT_MODEL,
    dataset: Annotated[
        str | None, typer.Option(help="Dataset that holds the frames, if several could.")
    ] = None,
    crop: CropOption = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Good from this P(single) on.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    read_timeout_s: Annotated[
        float, typer.Option("--read-timeout", min=0.1, help="Seconds a read may take.")
    ] = 30.0,
) -> None:
    """Judge every frame of each PATH and write one row a frame, in order.

    A path named twice is judged once. An earlier scores file of the output's name is replaced,
    any other file is not.

    Exit status: 0 all done, 1 some input was refused (named on stderr; the others are done),
    2 wrong usage.
    """
    _check_output(output)  # before the slow part

    from tqdm import tqdm

    from spi_viewer.classifiers import load_classifier
    from spi_viewer.cli.vgg16_download import provide_missing_weights
    from spi_viewer.judging import judge_batch
    from spi_viewer.session.scores_csv import ScoresWriter
    from spi_viewer.sources.reader_process import ReaderProcess
    from spi_viewer.sources.run_feed import FileFeed

    provide_missing_weights(model)
    classifier = load_classifier(model, device=device)
    if threshold is not None:
        classifier.set_threshold(threshold)
    refused = frames = 0
    with (
        contextlib.closing(ReaderProcess(timeout_s=read_timeout_s)) as reader,
        ScoresWriter(output, classifier.rule) as writer,
        tqdm(unit=" frames", disable=None) as bar,
    ):
        # abspath asks no disk, which might hang
        for path in dict.fromkeys(os.path.abspath(path) for path in paths):
            feed = FileFeed(reader, path, dataset, crop)
            for batch in _batches(feed, bar):
                writer.write(batch.ids, *judge_batch(classifier, batch))
                frames += len(batch)
            for refused_path, reason in feed.refused:
                show_error(f"{refused_path}: {reason}{_way_out(reason)}")
            refused += len(feed.refused)
    typer.echo(f"{output}: {frames} frames")
    if refused:
        raise typer.Exit(1)


def _batches(feed: RunFeed, bar: tqdm) -> Iterator[FrameBatch]:
    """Batches of one input; what it refuses is in `feed.refused` afterwards."""
    from spi_viewer.pipeline import BATCH_FRAMES

    bar.set_description(feed.name)
    while not feed.finished:
        try:
            batch = feed.next_batch(BATCH_FRAMES)
        except RunFileError as error:
            feed.refused.append((error.path, error.reason))
            return
        bar.set_postfix_str("waiting for its writer" if feed.waiting else "")
        if batch is not None:
            yield batch
            bar.total = bar.n + len(batch) + feed.frames_behind
            bar.update(len(batch))
        elif feed.waiting:
            time.sleep(_WAITING_PAUSE_S)


def _way_out(reason: str) -> str:
    return " (with --dataset)" if "several datasets" in reason else ""


def _check_output(output: Path) -> None:
    """Refuse an output that cannot be written, or that would replace anything but scores."""
    from spi_viewer.session.scores_csv import COLUMNS

    if not output.absolute().parent.is_dir():
        raise SpiViewerError(f"{output}: the folder {output.parent} does not exist")
    if not os.path.lexists(output):
        return
    if not output.is_file():
        raise SpiViewerError(f"{output}: is not a file; choose another name")
    header = ",".join(COLUMNS).encode()
    try:
        with output.open("rb") as file:
            beginning = file.read(len(header))
    except OSError as error:
        raise SpiViewerError(f"{output}: {error.strerror or error}") from error
    if beginning not in (header, b""):
        raise SpiViewerError(f"{output}: exists and is not a scores file; choose another name")
