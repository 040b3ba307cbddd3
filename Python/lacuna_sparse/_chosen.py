"""What plans, convolutions and recurrent networks have in common: the kernel that was chosen, and what it takes."""

from __future__ import annotations

from typing import Any


class Chosen:
    """A kernel that was chosen when the object was made; `str` of the object says why."""

    _info: Any

    @property
    def kernel(self) -> str:
        """Name of the kernel that was chosen."""
        return self._info.kernel.decode()

    @property
    def threads(self) -> int:
        """Threads that a run uses at most."""
        return self._info.threads

    @property
    def slices(self) -> int:
        """Most slices that still have work each in `run_slice`, for the size that was planned."""
        return self._info.slices

    @property
    def stored(self) -> int:
        """Stored weights of the matrix it was made from."""
        return self._info.stored

    @property
    def packed_bytes(self) -> int:
        """Memory of the packed weights."""
        return self._info.packed_bytes
