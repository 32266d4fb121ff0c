"""Values of params.yaml: as text, in order, and which of them a result depends on."""

import json
from collections.abc import Mapping
from typing import Any

SELECTORS = {"model": "models", "data": "datasets", "recipe": "recipes", "budget": "budgets"}
"""Parameters that choose an entry of a block."""


def value_label(value: Any) -> str:
    """A value of params.yaml as text: 0.2, true, null, bf16; the same for a number and its text."""
    value = _plain(value)
    if isinstance(value, str):
        return value
    if not isinstance(value, float):
        return json.dumps(value, sort_keys=True)
    short = f"{value:g}"
    return short if float(short) == value else repr(value)  # values that differ stay apart


def _plain(value: Any) -> Any:
    """A value with numbers in place of their texts, and whole numbers without a point; so for all within it."""
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if isinstance(value, str):
        try:
            return _plain(json.loads(value))
        except json.JSONDecodeError:
            return value
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value


def value_order(label: str) -> tuple[bool, float, str]:
    """Sort key of labels: numbers by size, then the rest by name."""
    try:
        return False, float(label), label
    except ValueError:
        return True, 0.0, label


def counts(key: str, params: Mapping[str, Any], compared: tuple[str, ...] = ()) -> bool:
    """Whether a result depends on a parameter: not if it belongs to an entry of a block that was not chosen."""
    for selector, block in SELECTORS.items():
        if key.startswith(f"{block}."):
            return selector in compared or key.startswith(f"{block}.{params.get(selector)}.")
    return True
