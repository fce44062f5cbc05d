"""The options of `train`, in the order of its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_FRAMES, _NETWORK, _TRAINING, _ADAPTATION = "Frames", "Network", "Training", "Adaptation"

Output = Annotated[Path, typer.Option("--output", "-o", help="Model folder to write.")]
Model = Annotated[
    str,
    typer.Option(
        help="Kind: resnet, or of the baselines vgg16, diffusion_map, lit_pixels. "
        "vgg16 takes ImageNet's weights from the file that SPI_VIEWER_VGG16 names, else from "
        "the cache folder, else it downloads them.",
        rich_help_panel=_NETWORK,
    ),
]
PairsAt32 = Annotated[
    int | None,
    typer.Option(min=1, help="Residual pairs at 32x32x32.", rich_help_panel=_NETWORK),
]
PairsAt16 = Annotated[
    int | None,
    typer.Option(min=1, help="Residual pairs at 16x16x64.", rich_help_panel=_NETWORK),
]
Autocorrelation = Annotated[
    bool | None,
    typer.Option(
        "--autocorrelation/--pattern-only",
        help="Look at the pattern's autocorrelation, too, where separate particles lie apart.",
        rich_help_panel=_NETWORK,
    ),
]
Dropout = Annotated[
    float | None,
    typer.Option(min=0, max=0.95, help="Of the last features.", rich_help_panel=_NETWORK),
]
SecondLook = Annotated[
    bool | None,
    typer.Option(
        "--second-look/--one-view",
        help="Judge doubtful patterns by the mean over the same turned and mirrored.",
        rich_help_panel=_NETWORK,
    ),
]
OwnShare = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="Weight of a pattern's own mean and variance in the norms at 16x16: less depends on "
        "the detector, and much of it loses a little on those that were simulated.",
        rich_help_panel=_NETWORK,
    ),
]
InputKind = Annotated[
    str,
    typer.Option("--input", help="per_image, or the poster's per_pixel.", rich_help_panel=_NETWORK),
]
StartFrom = Annotated[
    Path | None,
    typer.Option(
        "--from",
        help="Start from the weights of a model of the same architecture, or of one without "
        "--autocorrelation, which then grows the branch, or with it, which is then cut off.",
        rich_help_panel=_NETWORK,
    ),
]
Family = Annotated[
    list[str] | None,
    typer.Option(help="Particle family, repeatable; all if not given.", rich_help_panel=_FRAMES),
]
HoldOut = Annotated[
    list[str] | None,
    typer.Option(
        help="Family never learned from, repeatable; the threshold is chosen on it.",
        rich_help_panel=_FRAMES,
    ),
]
Detector = Annotated[
    list[str] | None,
    typer.Option(
        help="Detector preset, repeatable; repeats weigh more; all if not given.",
        rich_help_panel=_FRAMES,
    ),
]
ClassWeight = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CLASS=WEIGHT",
        help="Proportion of a class in the simulated frames, as multi=0.4; repeatable.",
        rich_help_panel=_FRAMES,
    ),
]
Reuse = Annotated[
    int,
    typer.Option(
        min=1,
        help="Times a simulated frame is shown, augmented anew.",
        rich_help_panel=_FRAMES,
    ),
]
Workers = Annotated[
    int,
    typer.Option(
        min=0,
        help="Processes that simulate; 0: the training's own device.",
        rich_help_panel=_FRAMES,
    ),
]
Frames = Annotated[
    int | None,
    typer.Option(min=16, help="That a baseline is fitted to, about 4000.", rich_help_panel=_FRAMES),
]
LabelsPerClass = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Labels that a diffusion map uses of each class; all if not given.",
        rich_help_panel=_FRAMES,
    ),
]
ValidationFrames = Annotated[
    int,
    typer.Option(min=64, help="Simulated, to choose the best by.", rich_help_panel=_FRAMES),
]
TestFrames = Annotated[
    int,
    typer.Option(min=64, help="Simulated, for the figures in model.json.", rich_help_panel=_FRAMES),
]
Epochs = Annotated[
    int,
    typer.Option(
        min=0,
        help="0 learns nothing: the model of --from is calibrated and measured anew.",
        rich_help_panel=_TRAINING,
    ),
]
Steps = Annotated[int, typer.Option(min=1, help="Steps an epoch.", rich_help_panel=_TRAINING)]
Batch = Annotated[
    int, typer.Option(min=2, help="Frames a step, on each device.", rich_help_panel=_TRAINING)
]
LearningRate = Annotated[
    float, typer.Option(min=0, help="Peak learning rate.", rich_help_panel=_TRAINING)
]
LabelSmoothing = Annotated[
    float,
    typer.Option(min=0, max=0.5, help="Doubt about labels.", rich_help_panel=_TRAINING),
]
FalsePositives = Annotated[
    float,
    typer.Option(
        min=1e-4,
        max=0.5,
        help="Bad frames that the threshold may let through.",
        rich_help_panel=_TRAINING,
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        min=0, max=2**32 - 1, help="Seed of frames and weights.", rich_help_panel=_TRAINING
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.", rich_help_panel=_TRAINING)]
Devices = Annotated[
    int,
    typer.Option(
        min=1,
        help="GPUs, or processes on the CPU, that train together.",
        rich_help_panel=_TRAINING,
    ),
]
Fresh = Annotated[
    bool,
    typer.Option(
        "--fresh",
        help="Start anew instead of resuming in the folder.",
        rich_help_panel=_TRAINING,
    ),
]
Data = Annotated[
    list[Path] | None,
    typer.Option(
        help="Measured run with labels to learn from, repeatable; instead of simulated frames.",
        rich_help_panel=_FRAMES,
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        help="CSV of labels, file,dataset,frame,label or exp,run,event_num,label; without it, "
        "those in the runs themselves.",
        rich_help_panel=_FRAMES,
    ),
]
LabelNames = Annotated[
    str | None,
    typer.Option(
        metavar="LABEL=CLASS,...",
        help="What labels mean, as 0=non-sample,1=single,2=multi, where they do not say it.",
        rich_help_panel=_FRAMES,
    ),
]
Dataset = Annotated[
    str | None,
    typer.Option(help="Of the frames in the measured runs.", rich_help_panel=_FRAMES),
]
MeasuredShare = Annotated[
    float | None,
    typer.Option(
        min=0.01,
        max=0.99,
        help="Learn from both: share of measured frames in each step, with --data.",
        rich_help_panel=_FRAMES,
    ),
]
Adapt = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="RUN",
        help="Adapt the model of --from to a run, repeatable for the files of one: its batch "
        "norms, and with labels its head. Judged on labels that were held out; the old model "
        "stays.",
        rich_help_panel=_ADAPTATION,
    ),
]
