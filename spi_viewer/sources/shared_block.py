"""Objects with large arrays from a child process to its parent through one block of memory.

The object is pickled with its arrays left out; they are copied into the block, and out of it on
the other side. The parent owns the block: it makes it, enlarges it on demand and removes it. If the
parent is killed, multiprocessing's resource tracker removes it.
"""

from __future__ import annotations

import os
import pickle
import secrets
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from typing import Any

_SPARE = 1.5  # room for the next, larger batch


def send_object(connection: Connection, block: AttachedBlock, value: Any) -> None:
    """Called in the child: send `value` to `OwnedBlock.receive` on the other side."""
    arrays: list[pickle.PickleBuffer] = []
    header = pickle.dumps(value, protocol=5, buffer_callback=arrays.append)
    parts = [array.raw() for array in arrays]
    sizes = [part.nbytes for part in parts]
    connection.send(sizes)
    if sizes:
        block.attach(connection.recv())
        block.fill(parts)
    connection.send_bytes(header)


class AttachedBlock:
    """The child's view of the parent's block; mapped once for as long as the block stays."""

    def __init__(self) -> None:
        self._memory: SharedMemory | None = None

    def attach(self, name: str) -> None:
        """Map the block of that name instead of the one before."""
        if self._memory is None or self._memory.name != name:
            self.close()
            self._memory = SharedMemory(name)

    def fill(self, parts: list[memoryview]) -> None:
        """Copy bytes into the block, one after the other."""
        assert self._memory is not None
        assert self._memory.buf is not None
        offset = 0
        for part in parts:
            self._memory.buf[offset : offset + part.nbytes] = part
            offset += part.nbytes

    def close(self) -> None:
        """Let go of the block; it stays."""
        memory, self._memory = self._memory, None
        if memory is not None:
            memory.close()


class OwnedBlock:
    """The parent's block."""

    def __init__(self) -> None:
        self._memory: SharedMemory | None = None

    def receive(self, connection: Connection) -> Any:
        """The object that `send_object` sends; EOFError if the child dies over it."""
        sizes: list[int] = connection.recv()
        if sizes:
            connection.send(self._name_of_block_for(sum(sizes)))
        header = connection.recv_bytes()
        return pickle.loads(header, buffers=self._copies(sizes))

    def _name_of_block_for(self, size_bytes: int) -> str:
        if self._memory is None or self._memory.size < size_bytes:
            self.close()
            # named after its owner, so that whoever finds one knows whom to ask
            name = f"spi-viewer-{os.getpid()}-{secrets.token_hex(4)}"
            self._memory = SharedMemory(name, create=True, size=int(_SPARE * size_bytes))
        return self._memory.name

    def _copies(self, sizes: list[int]) -> list[bytearray]:
        copies = []
        offset = 0
        for size in sizes:
            assert self._memory is not None
            assert self._memory.buf is not None
            copies.append(bytearray(self._memory.buf[offset : offset + size]))
            offset += size
        return copies

    def close(self) -> None:
        """Remove the block."""
        memory, self._memory = self._memory, None
        if memory is not None:
            memory.close()
            memory.unlink()
