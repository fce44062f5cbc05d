"""Which dataset of an HDF5 file holds the frames: the paths that facilities use, then a search."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import h5py

from spi_viewer.sources.hdf5_file import H5_ERRORS, BrokenLinkError, object_key, shorten
from spi_viewer.sources.hdf5_frame_shape import frame_problem, looks_like_frames
from spi_viewer.sources.hdf5_tree import Hdf5Tree
from spi_viewer.sources.hdf5_walk import natural_key, walk
from spi_viewer.sources.hdf5_written_frames import virtual_problem


class Storage(enum.Enum):
    """How a run's frames are laid out."""

    STACK = "stack"  # one dataset (frame, y, x), or one image (y, x)
    CHAIN = "chain"  # a group of stacks data_000001, data_000002 ... that are one run
    TAGS = "tags"  # a group with one group a frame (SACLA)


@dataclass(frozen=True)
class Candidate:
    """A place in a file that holds frames.

    Attributes:
        path: of the dataset, or of the group for CHAIN and TAGS.
        rank: position of its rule; lower is likelier.
        is_image: a single 2-D image.
        is_numbered: among equals of one rule the first number is meant.
    """

    path: str
    storage: Storage
    rank: int
    is_image: bool = False
    is_numbered: bool = True


@dataclass
class Survey:
    """What was found in a file.

    Attributes:
        candidates: the likeliest first.
        problems: (path, why it cannot be used) of what stands where frames are expected.
    """

    candidates: list[Candidate] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_ambiguous(self) -> bool:
        """True when the second candidate is as likely as the first."""
        if len(self.candidates) < 2:
            return False
        first, second = self.candidates[:2]
        same = (first.rank, first.is_image) == (second.rank, second.is_image)
        return same and not first.is_numbered


@dataclass(frozen=True)
class _Rule:
    pattern: str
    storage: Storage = Storage.STACK
    is_numbered: bool = True


# Every path is read from its writer's own source or documentation.
_RULES = (
    _Rule("/entry_*/data_*/data"),  # CXI; Condor
    _Rule("/entry_*/instrument_*/detector_*/data"),  # CXI by Cheetah, psocake, EuXFEL
    _Rule("/entry_*/image_*/data"),  # CXI by Cheetah (assembled), spi-processing
    _Rule("/entry_*/instrument_*/detector_*/photons"),  # psocake
    _Rule("/photonConverter/*/photonCount", is_numbered=False),  # CXIDB 58
    _Rule("/entry_*/detector_*/data"),  # Hummingbird at FLASH
    _Rule("/data/*/data", is_numbered=False),  # SwissFEL
    _Rule("/entry/data", Storage.CHAIN),  # Eiger, Jungfraujoch
    _Rule("/entry/data/data"),  # NeXus
    _Rule("/entry/instrument/detector/data"),  # NeXus
    _Rule("/data/data"),  # CrystFEL convention, old Cheetah
    _Rule("/run_*/detector_2d_assembled_*", Storage.TAGS, is_numbered=False),  # SACLA
    _Rule("/image/ccd*"),  # FERMI
)
_SEARCHED_RANK = len(_RULES)
_NOT_FRAMES = re.compile(
    r"mask|flat_?field|gain|thumbnail|dark|pedestal|background|fourier|offset|noise|rms|"
    r"corner_positions|basis_vectors|peak|autocorrelation|phase",
    re.IGNORECASE,
)
_CHAIN_MEMBER = re.compile(r"data_\d{4,}$")


def survey(tree: Hdf5Tree) -> Survey:
    """Everything in a file that holds frames, the likeliest first."""
    result = Survey()
    seen: set[tuple[int, int]] = set()
    for rank, rule in enumerate(_RULES):
        for path in _expand(tree, rule.pattern):
            _consider(tree, path, rank, rule, result, seen)
    if not result.candidates or all(candidate.is_image for candidate in result.candidates):
        _search(tree.file, result, seen)
    result.candidates.sort(key=lambda candidate: (candidate.is_image, candidate.rank))
    return result


def candidate_at(tree: Hdf5Tree, path: str) -> Candidate | str:
    """The frames at a path that somebody chose, or the reason why there are none."""
    path = "/" + path.strip("/")
    try:
        found = tree.find(path)
    except BrokenLinkError as error:
        return str(error)
    if found is None:
        return f"it has no dataset {path}"
    if isinstance(found, h5py.Group):
        if chain_members(found):
            return Candidate(path, Storage.CHAIN, 0)
        if any(name.startswith("tag_") for name in found):
            return Candidate(path, Storage.TAGS, 0)
        return f"{path} is a group without frames; name the dataset"
    problem = frame_problem(found) or virtual_problem(found)
    return f"{path} {problem}" if problem else Candidate(path, Storage.STACK, 0, found.ndim == 2)


def _consider(
    tree: Hdf5Tree,
    path: str,
    rank: int,
    rule: _Rule,
    result: Survey,
    seen: set[tuple[int, int]],
) -> None:
    """Add what stands at an expected path to the candidates or to the problems."""
    try:
        found = tree.find(path)
    except BrokenLinkError as error:
        result.problems.append((path, str(error)))
        return
    except H5_ERRORS as error:
        result.problems.append((path, f"cannot be read ({shorten(error)})"))
        return
    if found is None or object_key(found) in seen:
        return
    if rule.storage is Storage.STACK:
        if not isinstance(found, h5py.Dataset):
            return
        problem = frame_problem(found) or virtual_problem(found)
        if problem:
            result.problems.append((path, problem))
            seen.add(object_key(found))
            return
        is_image = found.ndim == 2
    else:
        is_image = False
        is_run = chain_members(found) if rule.storage is Storage.CHAIN else _has_tags(found)
        if not is_run:
            return
    seen.add(object_key(found))
    result.candidates.append(Candidate(path, rule.storage, rank, is_image, rule.is_numbered))


def chain_members(group: h5py.Group | h5py.Dataset) -> list[str]:
    """Names of the stacks in a chain, in order; links that lead nowhere included."""
    if not isinstance(group, h5py.Group):
        return []
    return sorted((name for name in group if _CHAIN_MEMBER.match(name)), key=natural_key)


def _has_tags(group: h5py.Group | h5py.Dataset) -> bool:
    return isinstance(group, h5py.Group) and any(name.startswith("tag_") for name in group)


def _expand(tree: Hdf5Tree, pattern: str) -> Iterator[str]:
    """Paths in a file that match a pattern with '*' for parts of a name.

    Groups on the way that cannot be opened are among them: whoever considers them says why.
    """
    groups = [""]
    for part in pattern.strip("/").split("/"):
        reached: list[str] = []
        for group in groups:
            try:
                reached += tree.matching(group, part)
            except (BrokenLinkError, *H5_ERRORS):
                yield group
        groups = reached
    yield from groups


def _search(file: h5py.File, result: Survey, seen: set[tuple[int, int]]) -> None:
    """Look at every dataset for one that looks like frames."""
    for path, dataset in walk(file, 2, result.problems):
        if _NOT_FRAMES.search(path.rsplit("/", 1)[-1]) or not looks_like_frames(dataset):
            continue
        key = object_key(dataset)
        if key in seen:
            continue
        seen.add(key)
        problem = frame_problem(dataset) or virtual_problem(dataset) or _module_problem(path)
        if problem:
            result.problems.append((path, problem))
            continue
        is_image = dataset.ndim == 2
        candidate = Candidate(path, Storage.STACK, _SEARCHED_RANK, is_image, is_numbered=False)
        result.candidates.append(candidate)


def _module_problem(path: str) -> str | None:
    """A European XFEL file of one detector module is no run of patterns."""
    if path.startswith("/INSTRUMENT/") and "xtdf" in path:
        return (
            "is one module of a detector; assemble the modules first "
            "(EXtra-geom, or Cheetah's assembled output)"
        )
    return None
