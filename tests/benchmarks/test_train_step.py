"""What a step costs, counted."""

from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks.train_step import count


@pytest.mark.parametrize("what", ["attngan", "dmgan", "damsm"])
def test_plain_steps_do_more_and_precision_changes_no_operation(striped: Path, what: str) -> None:
    given = {"what": [what], "data": "toy_birds", "budget": "paper32", "prepared": striped, "batch_size": 4}
    ways = ["plain", "ours, fp32", "ours, auto"] + ["checkpointing"] * (what != "damsm")
    counts = {way: count(Namespace(**given, max_words=None, way=way))["tflop"] for way in ways}
    assert counts["plain"] > 1.2 * counts["ours, fp32"] > 0
    assert counts["ours, fp32"] == counts["ours, auto"]
    assert what == "damsm" or counts["checkpointing"] > counts["ours, auto"]
