"""Which frames a network learns from, is judged on and is measured on."""

from spi_viewer.training_frames.measured import MeasuredData
from spi_viewer.training_frames.mixed import MixedData
from spi_viewer.training_frames.simulated import SimulatedData
from spi_viewer.training_frames.source import HeldBackSet, TrainingFrames

__all__ = ["HeldBackSet", "MeasuredData", "MixedData", "SimulatedData", "TrainingFrames"]
