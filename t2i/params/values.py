"""Types of numbers in params.yaml, and its blocks."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _no_bool(value: object) -> object:
    """YAML writes ``yes`` and ``on`` as booleans, and Python takes them for 1."""
    if isinstance(value, bool):
        raise ValueError("expected a number, not true or false")
    return value


# Numbers that DVC writes as 2e-05 are strings to PyYAML; pydantic turns them back into numbers.
Count = Annotated[int, BeforeValidator(_no_bool), Field(ge=1)]
Natural = Annotated[int, BeforeValidator(_no_bool), Field(ge=0)]
Seed = Annotated[int, BeforeValidator(_no_bool), Field(ge=0, lt=2**31)]
Weight = Annotated[float, BeforeValidator(_no_bool), Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, BeforeValidator(_no_bool), Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, BeforeValidator(_no_bool), Field(ge=0, le=1)]
Decay = Annotated[float, BeforeValidator(_no_bool), Field(ge=0, lt=1)]
Ratio = Annotated[float, BeforeValidator(_no_bool), Field(ge=1, le=4)]


class Section(BaseModel):
    """A block of params.yaml; ``dict(section)`` gives its keys as keyword arguments."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


def merged(*sections: Section | None) -> dict[str, Any]:
    """Keyword arguments of several blocks that have no key in common; blocks within are merged likewise."""
    result: dict[str, Any] = {}
    for section in sections:
        for key, value in dict(section or {}).items():
            result[key] = merged(value) | result.get(key, {}) if isinstance(value, Section) else value
    return result
