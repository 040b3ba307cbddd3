"""Schedules with the toolkit's names, arguments and update rule.

Unlike `lacuna_sparse.Schedule`, whose last update is always at its end, these renew masks at begin_step + n·frequency
only: when that misses end_step the final sparsity is never reached. The first training step is number 1.
"""

from __future__ import annotations

from typing import Any, Dict, Tuple

import keras

from ..schedule import Schedule


class PruningSchedule:
    """What a schedule of one's own derives from: `schedule(step)` is (should_prune, sparsity)."""

    def __call__(self, step: int) -> Tuple[bool, float]:
        raise NotImplementedError(f"{type(self).__name__} must say (should_prune, sparsity) for a step")

    def get_config(self) -> Dict[str, Any]:
        raise NotImplementedError(f"{type(self).__name__} needs get_config to be saved with an optimizer")

    @classmethod
    def from_config(cls, config: Dict[str, Any]) -> PruningSchedule:
        return cls(**config)

    def _should_prune_in_step(self, step: int, begin_step: int, end_step: int, frequency: int) -> bool:
        """Whether `step` is one of begin_step, begin_step + frequency, … up to end_step; −1 is no end."""
        inside = step >= begin_step and (end_step == -1 or step <= end_step)
        return inside and (step - begin_step) % frequency == 0

    def _validate_step(self, begin_step: int, end_step: int, frequency: int, allow_negative_1: bool) -> None:
        if begin_step < 0:
            raise ValueError("begin_step should be >= 0")
        if end_step == -1 and not allow_negative_1:
            raise ValueError(f"end_step cannot be -1 for {type(self).__name__}")
        if end_step != -1 and end_step < 0:
            raise ValueError("end_step can be -1 or >= 0")
        if end_step != -1 and end_step < begin_step:
            raise ValueError(f"begin_step should be <= end_step: {begin_step} > {end_step}")
        if frequency <= 0:
            raise ValueError("frequency should be > 0")

    @staticmethod
    def _validate_sparsity(sparsity: float, name: str) -> None:
        if not 0 <= sparsity < 1:
            raise ValueError(f"{name} must be in range [0, 1), not {sparsity}")


@keras.saving.register_keras_serializable("lacuna_sparse")
class ConstantSparsity(PruningSchedule):
    """`target_sparsity` from begin_step on, renewed every `frequency` steps."""

    def __init__(self, target_sparsity: float, begin_step: int, end_step: int = -1, frequency: int = 100) -> None:
        self._validate_step(begin_step, end_step, frequency, True)
        self._validate_sparsity(target_sparsity, "target_sparsity")
        self.target_sparsity, self.begin_step = target_sparsity, begin_step
        self.end_step, self.frequency = end_step, frequency
        self._schedule = Schedule.constant(target_sparsity, begin_step, end_step, frequency)

    def __call__(self, step: int) -> Tuple[bool, float]:
        update = self._should_prune_in_step(step, self.begin_step, self.end_step, self.frequency)
        return update, self._schedule.sparsity(step)

    def get_config(self) -> Dict[str, Any]:
        return {"target_sparsity": self.target_sparsity, "begin_step": self.begin_step, "end_step": self.end_step,
                "frequency": self.frequency}


@keras.saving.register_keras_serializable("lacuna_sparse")
class PolynomialDecay(PruningSchedule):
    """From initial_sparsity at begin_step to final_sparsity at end_step, along (1 − p)^power."""

    def __init__(self, initial_sparsity: float, final_sparsity: float, begin_step: int, end_step: int,
                 power: float = 3, frequency: int = 100) -> None:
        self._validate_step(begin_step, end_step, frequency, False)
        self._validate_sparsity(initial_sparsity, "initial_sparsity")
        self._validate_sparsity(final_sparsity, "final_sparsity")
        self.initial_sparsity, self.final_sparsity, self.power = initial_sparsity, final_sparsity, power
        self.begin_step, self.end_step, self.frequency = begin_step, end_step, frequency
        self._schedule = Schedule(final_sparsity, begin_step, end_step, initial_sparsity, power, frequency)

    def __call__(self, step: int) -> Tuple[bool, float]:
        update = self._should_prune_in_step(step, self.begin_step, self.end_step, self.frequency)
        return update, self._schedule.sparsity(step)

    def get_config(self) -> Dict[str, Any]:
        return {"initial_sparsity": self.initial_sparsity, "final_sparsity": self.final_sparsity,
                "begin_step": self.begin_step, "end_step": self.end_step, "power": self.power,
                "frequency": self.frequency}
