"""s(step): the sparsity that a training step asks for, and whether masks are renewed at it."""

from __future__ import annotations

from ctypes import byref, c_double, c_int32
from typing import Any, Dict

from ._arguments import integer, real, word
from ._errors import check
from ._library import ScheduleDesc, lib

KINDS = {"constant": 1, "polynomial": 2}


class Schedule:
    """Target sparsity per training step, and when masks are recomputed: every `frequency` steps from `begin` on, and
    at `end` in any case. The first training step is number 1.

    With p = clamp((step − begin) / (end − begin), 0, 1) the sparsity is (initial − final)·(1 − p)^power + final.
    """

    def __init__(self, final: float, begin: int, end: int, initial: float = 0.0, power: float = 3.0,
                 frequency: int = 100) -> None:
        self._set("polynomial", final, begin, end, initial, power, frequency)

    @classmethod
    def constant(cls, sparsity: float, begin: int = 0, end: int = -1, frequency: int = 100) -> Schedule:
        """One sparsity from `begin` on; `end` −1 goes on for ever."""
        schedule = cls.__new__(cls)
        schedule._set("constant", sparsity, begin, end, 0.0, 3.0, frequency)
        return schedule

    def _set(self, kind: str, final: float, begin: int, end: int, initial: float, power: float,
             frequency: int) -> None:
        self._config: Dict[str, Any] = {
            "kind": kind, "final": real(final, "final"), "begin": integer(begin, "begin"), "end": integer(end, "end"),
            "initial": real(initial, "initial"), "power": real(power, "power"),
            "frequency": integer(frequency, "frequency"),
        }
        self._desc = ScheduleDesc(kind=word(KINDS, kind, "kind"), initial_sparsity=self._config["initial"],
                                  final_sparsity=self._config["final"], power=self._config["power"],
                                  begin_step=self._config["begin"], end_step=self._config["end"],
                                  frequency=self._config["frequency"])
        # The library checks all numbers: here, not at some later step.
        self.sparsity(0)

    @property
    def begin(self) -> int:
        return int(self._config["begin"])

    @property
    def end(self) -> int:
        return int(self._config["end"])

    @property
    def frequency(self) -> int:
        return int(self._config["frequency"])

    def sparsity(self, step: int) -> float:
        """The fraction of zeros at `step`, in float32 as TensorFlow's toolkit computes it."""
        result = c_double()
        check(lib.lcn_schedule_sparsity(byref(self._desc), integer(step, "step"), byref(result)))
        return result.value

    def is_update(self, step: int) -> bool:
        """Whether masks are recomputed at `step`."""
        result = c_int32()
        check(lib.lcn_schedule_is_update(byref(self._desc), integer(step, "step"), byref(result)))
        return result.value == 1

    def get_config(self) -> Dict[str, Any]:
        """Its numbers, for `from_config`; JSON can hold them."""
        return dict(self._config)

    @classmethod
    def from_config(cls, config: Dict[str, Any]) -> Schedule:
        schedule = cls.__new__(cls)
        try:
            schedule._set(config["kind"], config["final"], config["begin"], config["end"], config["initial"],
                          config["power"], config["frequency"])
        except KeyError as error:
            raise ValueError(f"a schedule's {error.args[0]!r} is missing among {sorted(config)}") from None
        return schedule

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schedule) and self._config == other._config

    def __hash__(self) -> int:
        return hash(tuple(sorted(self._config.items())))

    def __repr__(self) -> str:
        c = self._config
        end = "…" if c["end"] < 0 else c["end"]
        ramp = f"{c['initial']:g} → {c['final']:g}, power {c['power']:g}" if c["kind"] == "polynomial" \
            else f"{c['final']:g}"
        return f"Schedule({ramp}, steps {c['begin']}…{end}, every {c['frequency']})"
