"""`classify`: the network's verdicts as a table, without a window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spi_viewer.errors import SpiViewerError

if TYPE_CHECKING:
    from spi_viewer.pipeline import FrameClassifier
    from spi_viewer.session.scores_csv import ScoresWriter
    from spi_viewer.sources.reader import Reader


def classify(
    paths: Annotated[list[Path], typer.Argument(help="Run files, or directories of them.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="CSV file, a row a frame.")],
    model: Annotated[str, typer.Option(help="Bundled model or model folder.")] = "resnet10",
    dataset: Annotated[
        str | None, typer.Option(help="Dataset that holds the frames, if several could.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Good from this P(single) on.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    read_timeout_s: Annotated[
        float, typer.Option("--read-timeout", min=0.1, help="Seconds a read may take.")
    ] = 30.0,
) -> None:
    """Judge every frame of PATHS and write one row a frame, in order.

    Exit status: 0 all done, 1 some input was refused (named on stderr; the others are done),
    2 wrong usage.
    """
    from spi_viewer.networks.classifier import Classifier
    from spi_viewer.session.scores_csv import ScoresWriter
    from spi_viewer.sources.reader_process import ReaderProcess

    classifier = Classifier.load(model, device=device)
    if threshold is not None:
        classifier.set_threshold(threshold)
    refused = 0
    reader = ReaderProcess(timeout_s=read_timeout_s)
    try:
        with ScoresWriter(output, classifier.rule) as writer:
            for path in paths:
                refused += _classify_path(path, dataset, classifier, reader, writer)
    finally:
        reader.close()
    if refused:
        raise typer.Exit(1)


def _classify_path(
    path: Path,
    dataset: str | None,
    classifier: FrameClassifier,
    reader: Reader,
    writer: ScoresWriter,
) -> int:
    """Judge one input; how many files of it were refused."""
    from tqdm import tqdm

    from spi_viewer.pipeline import BATCH_FRAMES, judge_batch
    from spi_viewer.sources.run_feed import FileFeed

    feed = FileFeed(reader, str(path.absolute()), dataset)
    with tqdm(desc=path.name, unit=" frames", disable=None) as bar:
        try:
            while not feed.finished:
                batch = feed.next_batch(BATCH_FRAMES)
                if batch is not None:
                    writer.write(batch.ids, *judge_batch(classifier, batch))
                    bar.total = bar.n + len(batch) + feed.frames_behind
                    bar.update(len(batch))
        except SpiViewerError as error:
            typer.echo(f"spi-viewer: {error}", err=True)
            return 1
    for refused_path, reason in feed.refused:
        typer.echo(f"spi-viewer: {refused_path}: {reason}", err=True)
    return len(feed.refused)
