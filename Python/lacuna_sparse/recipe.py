"""What to remove from one tensor, and when: a schedule and the rules of a mask, in one value."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Dict, Mapping, Optional, Protocol, Tuple

from ._arguments import pair, word
from ._arrays import Array
from .masks import POOLINGS, granularity_of, mask
from .schedule import Schedule


class AnySchedule(Protocol):
    """What a recipe asks of its schedule: `Schedule` is one, any object with these two will do."""

    def sparsity(self, step: int) -> float: ...

    def is_update(self, step: int) -> bool: ...


@dataclass(frozen=True)
class Recipe:
    """A schedule and the arguments of `mask`; see there for what each means."""

    schedule: AnySchedule
    block: Optional[Tuple[int, int]] = None
    pooling: str = "average"
    granularity: Optional[str] = None
    keep_ties: bool = False
    group: Optional[Tuple[int, int]] = None
    layout: Optional[str] = None

    def __post_init__(self) -> None:
        if not callable(getattr(self.schedule, "sparsity", None)) or not callable(
                getattr(self.schedule, "is_update", None)):
            raise TypeError(f"schedule is {self.schedule!r}, must have sparsity(step) and is_update(step)")
        granularity_of(self.granularity, self.block, self.group)
        word(POOLINGS, self.pooling, "pooling")
        for name in ("block", "group"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, pair(value, name))

    def mask(self, weights: Any, step: int) -> Array:
        """Which weights stay when the masks are renewed at `step`."""
        return mask(weights, self.schedule.sparsity(step), self.block, self.pooling, self.granularity,
                    self.keep_ties, self.group, layout=self.layout)

    def get_config(self) -> Dict[str, Any]:
        """Its arguments, for `from_config`; JSON can hold them when the schedule is a `Schedule`."""
        config = {name: value for name, value in asdict(replace(self, schedule=_NoSchedule())).items()
                  if name != "schedule"}
        get = getattr(self.schedule, "get_config", None)
        if get is None:
            raise TypeError(f"{type(self.schedule).__name__} has no get_config: its recipe cannot be saved")
        return {**config, "schedule": get()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Recipe:
        rest: Dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value
                for name, value in config.items() if name != "schedule"}
        return cls(Schedule.from_config(config["schedule"]), **rest)


class _NoSchedule:
    def sparsity(self, step: int) -> float:
        return 0.0

    def is_update(self, step: int) -> bool:
        return False


Overrides = Mapping[str, Optional[Recipe]]


def chosen(name: str, recipe: Optional[Recipe], overrides: Overrides) -> Optional[Recipe]:
    """The recipe of a tensor: of the first pattern that its name matches, else the common one. None leaves it alone."""
    for pattern, own in overrides.items():
        if fnmatchcase(name, pattern):
            return own
    return recipe
