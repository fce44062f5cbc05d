"""No content of a run file crashes, hangs or surprises the reader.

The files are read in a child process, as the program does: should the HDF5 library crash, the
test says on which content.
"""

import subprocess
import sys

import h5py
import numpy as np
import pytest
from fabio.cbfimage import CbfImage
from fabio.edfimage import EdfImage
from fabio.tifimage import TifImage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

READ_EVERYTHING = """
import sys
from spi_viewer.errors import RunFileError
from spi_viewer.sources.run_file import open_run

def read_everything(path):
    with open_run(path) as run:
        for index in range(min(run.info.frame_count, 4)):
            for ask in (run.frame_flags, run.frame_name, run.read_frame, run.valid_pixels,
                        run.metadata):
                try:
                    ask(index)
                except RunFileError:
                    pass
        run.refresh()

for line in sys.stdin:
    try:
        read_everything(line.strip())
        answer = "read"
    except RunFileError as error:
        answer = "refused" if line.strip() in str(error) else f"file not named: {error}"
    except BaseException as error:
        answer = repr(error).replace(chr(10), " ")
    print(answer, flush=True)
"""


class Child:
    """Reads files in another process."""

    def __init__(self, folder):
        self.path = folder / "run.dat"
        self.process = None

    def outcome(self, content: bytes) -> str:
        """'read', 'refused', or what went wrong."""
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, "-c", READ_EVERYTHING],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        self.path.write_bytes(content)
        self.process.stdin.write(f"{self.path}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if answer:
            return answer
        self.close()
        return "the reading process crashed"

    def close(self):
        process, self.process = self.process, None
        if process is not None:
            process.stdin.close()
            process.wait(30)
            process.stdout.close()


@pytest.fixture
def child(tmp_path):
    child = Child(tmp_path)
    yield child
    child.close()


def write_hdf5(path, **options):
    with h5py.File(path, "w", **options) as file:
        frames = np.random.default_rng(0).integers(0, 50, (4, 24, 32)).astype(np.uint16)
        data = file.create_dataset(
            "/entry_1/data_1/data", data=frames, chunks=(1, 24, 32), compression="gzip"
        )
        data.attrs["numEvents"] = 4
        file["/entry_1/data_1/mask"] = np.zeros((24, 32), np.uint16)
        # Of fixed length: HDF5 takes a damaged length of a variable one at its word, and a test
        # must not take gigabytes.
        file["/entry_1/experiment_identifier"] = np.array([b"a", b"b", b"c", b"d"])
        file["/entry_1/instrument_1/source_1/energy"] = 2.5e-16


def write_image(image_class):
    def write(path):
        image_class(data=np.arange(24 * 32, dtype=np.int32).reshape(24, 32)).write(str(path))

    return write


WRITERS = {
    "old.h5": write_hdf5,
    "new.h5": lambda path: write_hdf5(path, libver="latest"),
    "image.tif": write_image(TifImage),
    "image.cbf": write_image(CbfImage),
    "image.edf": write_image(EdfImage),
}


@pytest.fixture(scope="module", params=WRITERS)
def whole(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / request.param
    WRITERS[request.param](path)
    return path.read_bytes()


# One child reads all examples of a test.
few = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    derandomize=True,
    database=None,
)


def test_the_undamaged_file_is_read(whole, child):
    assert child.outcome(whole) == "read"


@few
@given(data=st.data())
def test_a_file_that_ends_anywhere_is_read_or_refused(whole, child, data):
    end = data.draw(st.integers(0, len(whole)))
    assert child.outcome(whole[:end]) in ("read", "refused")


@few
@given(data=st.data())
def test_a_file_with_wrong_bytes_is_read_or_refused(whole, child, data):
    content = bytearray(whole)
    # Structure stands mostly at the front; pixels are harmless.
    place = st.integers(0, min(len(whole), 3000) - 1) | st.integers(0, len(whole) - 1)
    changes = data.draw(st.lists(st.tuples(place, st.integers(0, 255)), min_size=1, max_size=20))
    for offset, value in changes:
        content[offset] = value
    assert child.outcome(bytes(content)) in ("read", "refused")


@few
@given(
    magic=st.sampled_from(
        [b"", b"\x89HDF\r\n\x1a\n", b"II*\0", b"MM\0*", b"###CBF: ", b"{\nDim_1"]
    ),
    rest=st.binary(max_size=3000),
)
def test_random_bytes_are_refused_or_read(child, magic, rest):
    assert child.outcome(magic + rest) in ("read", "refused")
