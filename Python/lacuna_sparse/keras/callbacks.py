"""The callback that renews masks when the schedules say, and one that shows sparsity in TensorBoard."""

from __future__ import annotations

from typing import Any, List, Optional

import keras
import numpy as np
from keras import ops

from .api import marked_kernels
from .optimizer import PruningMixin, attach, innermost


class UpdatePruningStep(keras.callbacks.Callback):
    """Renews masks at the steps that the schedules name. Steps are the optimizer's, counted from 1, so that training
    goes on where it was.

    A training loop of one's own calls `set_model(model)` (with `model.optimizer` set) and `on_train_begin()` once,
    `on_train_batch_begin(None)` before each step and `on_epoch_end(None)` after each epoch.
    """

    def __init__(self) -> None:
        super().__init__()
        self._optimizer: Any = None
        self._step = 0
        self._calls = 1
        self._looked = 0

    def on_train_begin(self, logs: Any = None) -> None:
        model = self.model
        optimizer = getattr(model, "optimizer", None)
        if optimizer is None:
            raise ValueError("UpdatePruningStep finds no optimizer: compile the model, or set model.optimizer")
        if not model.built:
            raise ValueError("UpdatePruningStep needs to see the model's weights: build it first, by an Input layer or a "
                             "call on one batch")
        changed = attach(optimizer, marked_kernels(model))
        self._optimizer = innermost(optimizer)
        if not optimizer.built:
            optimizer.build(model.trainable_variables)
        assert isinstance(self._optimizer, PruningMixin)
        if not self._optimizer._pruning_plan:
            raise ValueError("UpdatePruningStep finds nothing to prune: no layer was given to prune_low_magnitude, or "
                             "none of them is trained")
        object.__setattr__(self._optimizer, "_pruning_driver", self)
        self._calls = int(getattr(model, "steps_per_execution", 1) or 1)
        iterations: Any = getattr(self._optimizer, "_iterations")
        self._step = int(ops.convert_to_numpy(iterations))
        # A function that was made for the optimizer as it was would leave the masks out.
        if changed and getattr(model, "train_function", None) is not None:
            model.make_train_function(force=True)
        self._announce()

    def on_train_batch_begin(self, batch: Any = None, logs: Any = None) -> None:
        steps = range(self._step + 1, self._step + 1 + self._calls)
        self._step += self._calls
        due = self._due(steps)
        if due is None and self._step < self._looked:
            return
        # Through self.model: on JAX that is what brings the state back from the device.
        self.model  # noqa: B018
        if due is not None:
            self._renew(due)
        self._announce()

    def on_test_begin(self, logs: Any = None) -> None:
        self._mask()

    def on_epoch_end(self, batch: Any = None, logs: Any = None) -> None:
        self._mask()

    def on_train_end(self, logs: Any = None) -> None:
        self._mask()
        if self._optimizer is not None:
            object.__setattr__(self._optimizer, "_pruning_driver", None)

    def _mask(self) -> None:
        if self._optimizer is not None:
            self.model  # noqa: B018
            self._optimizer.apply_masks()

    def _due(self, steps: range) -> Optional[int]:
        """The last of `steps` at which some mask is renewed."""
        rules = [entry.rule for entry in self._optimizer._pruning_plan]
        return max((step for step in steps if any(rule.updates(step) for rule in rules)), default=None)

    def _renew(self, step: int) -> None:
        """Masks from live weights, for every kernel whose rule is due in the steps of this call up to `step`."""
        first = self._step - self._calls + 1
        new: List[Any] = []
        for kernel, mask in self._optimizer.pruning_kernels:
            own = max((s for s in range(first, step + 1) if kernel.rule.updates(s)), default=None)
            if own is None:
                continue
            weights = np.asarray(ops.convert_to_numpy(kernel.variable))
            # Ranked as float32 where the library has no such type: float16 and bfloat16 are exact in it.
            ranked = weights if weights.dtype in (np.float32, np.float64) else weights.astype(np.float32)
            try:
                keep = kernel.rule.mask(ranked, kernel.layout, own)
            except ValueError as error:
                raise ValueError(f"{kernel.variable.path} at step {own}: {error}") from error
            new.append((kernel.variable, mask, keep, weights))
        for variable, mask, keep, weights in new:
            mask.assign(keep)
            variable.assign(_kept(weights, keep))

    def _announce(self) -> None:
        """Tells the optimizer the step before which it leaves masked weights where they went."""
        rules = [entry.rule for entry in self._optimizer._pruning_plan]
        following = range(self._step + 1, self._step + 1 + _HORIZON)
        found = next((step for step in following if any(rule.updates(step) for rule in rules)), None)
        self._looked = following.stop - 1
        if found is None:
            self._optimizer._pruning_next.assign(-1)
            return
        # The first step of the call that it falls into.
        self._optimizer._pruning_next.assign(found - (found - self._step - 1) % self._calls)


def _kept(weights: Any, keep: Any) -> Any:
    """The weights, 0 where `keep` is false: a quarter of the time of numpy.where, and as that with NaN and infinity."""
    bits = weights.view(f"i{weights.dtype.itemsize}") if weights.dtype.itemsize in (2, 4, 8) else None
    if bits is None:
        return np.where(keep, weights, np.zeros((), weights.dtype))
    return np.bitwise_and(bits, np.negative(keep.view(np.int8))).view(weights.dtype)


# Steps that are searched for the next update; past them the callback searches again.
_HORIZON = 100_000


class PruningSummaries(keras.callbacks.TensorBoard):
    """keras.callbacks.TensorBoard, and the sparsity of every mask after each epoch."""

    def __init__(self, log_dir: str, update_freq: Any = "epoch", **more: Any) -> None:
        if not isinstance(log_dir, str) or not log_dir:
            raise ValueError(f"`log_dir` must be a non-empty string. You passed `log_dir`={log_dir}.")
        super().__init__(log_dir=log_dir, update_freq=update_freq, **more)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        super().on_epoch_end(epoch, logs)
        optimizer = innermost(self.model.optimizer)
        if not isinstance(optimizer, PruningMixin):
            return
        with self._train_writer.as_default():
            for kernel, mask in optimizer.pruning_kernels:
                keep = np.asarray(ops.convert_to_numpy(mask))
                self.summary.scalar(f"{kernel.variable.path}/mask/sparsity", 1 - keep.mean(), step=epoch)
