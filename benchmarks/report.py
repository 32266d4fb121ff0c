"""What benchmarks print: a title, a Markdown table, notes, and a line of JSON with the numbers behind it."""

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate  # type: ignore[import-untyped]

from benchmarks.timing import Seconds, spread


def report(title: str, rows: Sequence[Mapping[str, str]], notes: Sequence[str] = (), **results: Any) -> None:
    """Print a measurement.

    Args:
        rows: column -> cell, the same columns in each row.
        notes: lines below the table.
        results: go into the line of JSON.
    """
    table = tabulate(rows, headers="keys", tablefmt="pipe", disable_numparse=True)
    print("\n".join((title, "", table, "", *notes)))
    print(json.dumps({"title": title, **results}))


def report_rates(
    title: str,
    seconds: Seconds,
    amounts: Mapping[str, float],
    unit: str,
    notes: Sequence[str] = (),
    **results: Any,
) -> None:
    """Print how many units of work each variant does in a second, and the ratio to the first variant.

    Args:
        amounts: variant -> units of work in each run; variants may do different amounts.
        unit: in the plural.
    """
    rates = {name: amounts[name] / statistics.median(times) for name, times in seconds.items()}
    first = next(iter(rates.values()))
    rows = [
        {
            "variant": name,
            f"{unit}/s": f"{rate:,.1f}",
            "speed-up": f"x{rate / first:.2f}",
            "spread": f"{spread(seconds[name]):.0%}",
        }
        for name, rate in rates.items()
    ]
    report(title, rows, notes, **results, unit=unit, amounts=dict(amounts), seconds=seconds)
