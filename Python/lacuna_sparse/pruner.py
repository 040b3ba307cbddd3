"""step += 1;  mask ← select(w) when the schedule says so;  w ← w ⊙ mask: pruning inside anybody's training loop.

    pruner = Pruner(Recipe(Schedule(0.9, begin=100, end=2000)), {"*bias": None})
    for x in batches:
        pruner.step(arrays)      # before the forward pass
        ...                      # forward, backward, optimiser
        pruner.enforce(arrays)   # after the optimiser

`arrays` maps names to numpy arrays, or tensors that DLPack shows, which are changed in place. After each of the two
calls every masked weight is exactly +0. Masks are ranked anew from live weights, so that a weight can come back by
what the optimiser made of it in the step before an update: `enforce` keeps those values aside.
"""

from __future__ import annotations

import io
import json
import os
from typing import Any, Dict, Mapping, Optional, Union

import numpy as np

from ._arrays import Array, dtype_code, imported, plain
from .masks import apply_mask
from .recipe import Overrides, Recipe, chosen

_MAGIC = "lacuna-sparse pruner"
_VERSION = 1


class Pruner:
    """Prunes named arrays while any program trains them. Not thread-safe: one training loop drives it."""

    def __init__(self, recipe: Optional[Recipe], overrides: Optional[Overrides] = None) -> None:
        """
        - recipe: of all arrays that no pattern of `overrides` matches; None leaves those alone.
        - overrides: recipes by pattern of the name ("*kernel"), the first that matches; None leaves the array alone.
        """
        self._recipe, self._overrides = recipe, dict(overrides or {})
        for own in (recipe, *self._overrides.values()):
            if own is not None and not isinstance(own, Recipe):
                raise TypeError(f"a Recipe wanted, not {type(own).__name__}")
        self._step = 0
        self._masks: Dict[str, Array] = {}
        self._waiting: Dict[str, Array] = {}

    @property
    def current_step(self) -> int:
        """Steps taken so far."""
        return self._step

    @property
    def masks(self) -> Dict[str, Array]:
        """A bool array for each array that has been pruned, of its shape: True stays. Not to be written to."""
        return dict(self._masks)

    @property
    def sparsity(self) -> Dict[str, float]:
        """The fraction of zeros that each mask has."""
        return {name: 1 - np.count_nonzero(keep) / max(keep.size, 1) for name, keep in self._masks.items()}

    def recipe(self, name: str) -> Optional[Recipe]:
        """The recipe of the array of that name."""
        return chosen(name, self._recipe, self._overrides)

    def step(self, arrays: Mapping[str, Any]) -> None:
        """Begins a training step: counts it, renews the masks whose update falls on it, zeroes masked weights.

        When it raises, no weight, no mask and no counter has changed.
        """
        views = self._views(arrays)
        step, renewed = self._step + 1, {}
        for name, array in views.items():
            recipe = self.recipe(name)
            if recipe is not None and recipe.schedule.is_update(step):
                renewed[name] = recipe.mask(self._live(name, array), step)
        for name in renewed:
            values = self._waiting.get(name)
            if values is not None:
                views[name][~self._masks[name]] = values
        self._masks.update(renewed)
        self._step, self._waiting = step, {}
        self._zero(views)

    def enforce(self, arrays: Mapping[str, Any]) -> None:
        """Ends a training step: masked weights become exactly zero again after the optimiser moved them."""
        views = self._views(arrays)
        for name, array in views.items():
            recipe = self.recipe(name)
            if name in self._masks and recipe is not None and recipe.schedule.is_update(self._step + 1):
                self._waiting[name] = array[~self._masks[name]].copy()
        self._zero(views)

    def strip(self, arrays: Mapping[str, Any]) -> None:
        """Ends pruning: the zeros stay in the weights, the masks are forgotten."""
        self._zero(self._views(arrays))
        self._masks, self._waiting = {}, {}
        self._recipe, self._overrides = None, {}

    def _zero(self, views: Mapping[str, Array]) -> None:
        for name, array in views.items():
            if name in self._masks:
                apply_mask(array, self._masks[name])

    def _live(self, name: str, array: Array) -> Array:
        """The weights with what the optimiser made of the masked ones, which lies aside."""
        values = self._waiting.get(name)
        if values is None:
            return array
        live = array.copy()
        live[~self._masks[name]] = values
        return live

    def _views(self, arrays: Mapping[str, Any]) -> Dict[str, Array]:
        """All arrays that have a recipe, as numpy sees them, checked against what is kept by name."""
        views = {}
        for name, given in arrays.items():
            if self.recipe(name) is None and name not in self._masks:
                continue
            array = imported(given, name)
            if not isinstance(array, np.ndarray):
                raise TypeError(f"{name} is changed in place: an array wanted, not {type(given).__name__}")
            plain(array)
            dtype_code(array)
            if not array.flags.writeable:
                raise ValueError(f"{name} is read-only")
            keep = self._masks.get(name)
            if keep is not None and keep.shape != array.shape:
                raise ValueError(f"{name} has shape {array.shape}, its mask {keep.shape}")
            waiting = self._waiting.get(name)
            if waiting is not None and waiting.dtype != array.dtype:
                raise TypeError(f"{name} is {array.dtype}, what waits of it {waiting.dtype}")
            views[name] = array
        missing = [name for name in self._masks if name not in views]
        if missing:
            raise KeyError(f"arrays that have masks are missing: {', '.join(sorted(missing))}")
        return views

    def state_dict(self) -> Dict[str, Any]:
        """What has to be kept beside the weights to go on exactly. A copy."""
        return {
            "step": self._step,
            "masks": {name: keep.copy() for name, keep in self._masks.items()},
            "waiting": {name: values.copy() for name, values in self._waiting.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where the pruner was whose `state_dict` this is. The recipes are this one's own."""
        step = state["step"]
        if int(step) != step or step < 0:
            raise ValueError(f"step is {step!r}, must be a whole number, 0 or more")
        masks = {name: np.array(keep, np.bool_) for name, keep in state["masks"].items()}
        waiting = {name: np.array(values) for name, values in state["waiting"].items()}
        for name, values in waiting.items():
            if name not in masks:
                raise ValueError(f"values of {name} wait, but it has no mask")
            dropped = masks[name].size - np.count_nonzero(masks[name])
            if values.shape != (dropped,):
                raise ValueError(f"values of {name} have shape {values.shape}, its mask removes {dropped}")
            dtype_code(values)
        self._step, self._masks, self._waiting = int(step), masks, waiting

    def save(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Writes the state as an .npz file: beside it first, then in its place."""
        state = self.state_dict()
        names = sorted(state["masks"])
        header = {"magic": _MAGIC, "version": _VERSION, "step": state["step"], "names": names,
                  "shapes": [list(state["masks"][name].shape) for name in names],
                  "waiting": [name in state["waiting"] for name in names]}
        arrays: Dict[str, Any] = {"header": np.frombuffer(json.dumps(header).encode(), np.uint8)}
        for number, name in enumerate(names):
            arrays[f"mask{number}"] = np.packbits(state["masks"][name].reshape(-1))
            if name in state["waiting"]:
                arrays[f"waiting{number}"] = state["waiting"][name]
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)
        temporary = f"{os.fspath(path)}.{os.getpid()}.part"
        try:
            with open(temporary, "wb") as file:
                file.write(buffer.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            if os.path.exists(temporary):
                os.remove(temporary)
            raise

    def load(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Goes on where the pruner was that wrote the file."""
        try:
            with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
                header = json.loads(bytes(file["header"]).decode())
                if header["magic"] != _MAGIC or header["version"] != _VERSION:
                    raise ValueError(f"magic {header['magic']!r}, version {header['version']}")
                masks, waiting = {}, {}
                for number, name in enumerate(header["names"]):
                    shape = tuple(header["shapes"][number])
                    count = int(np.prod(shape, dtype=np.int64))
                    bits = file[f"mask{number}"]
                    if bits.dtype != np.uint8 or bits.shape != (-(-count // 8),):
                        raise ValueError(f"the mask of {name} has {bits.size} bytes, {-(-count // 8)} wanted")
                    masks[name] = np.unpackbits(bits, count=count).astype(np.bool_).reshape(shape)
                    if header["waiting"][number]:
                        waiting[name] = file[f"waiting{number}"]
                state = {"step": header["step"], "masks": masks, "waiting": waiting}
        except FileNotFoundError:
            raise
        except Exception as error:
            raise ValueError(f"{os.fspath(path)} is no state of a pruner: {error}") from error
        self.load_state_dict(state)

    def __repr__(self) -> str:
        kept = sum(int(np.count_nonzero(keep)) for keep in self._masks.values())
        count = sum(keep.size for keep in self._masks.values())
        share = f", {100 * (1 - kept / count):.3g} % zeros" if count else ""
        return f"Pruner(step {self._step}, {len(self._masks)} masks{share})"
