"""Rows that are collected batch by batch."""

import pytest
import torch

from t2i.scores.rows import Rows


def test_rows_are_those_of_all_batches_in_order() -> None:
    batches = [torch.randn(n, 5, generator=torch.Generator().manual_seed(n)) for n in (4, 1, 3)]
    rows = Rows()
    for batch in batches:
        rows.append(batch.T.contiguous().T.requires_grad_())  # neither contiguous nor detached
    assert torch.equal(rows.tensor(), torch.cat(batches)) and rows.tensor().dtype == torch.float32
    halves = Rows()
    halves.append(batches[0].bfloat16())
    assert torch.equal(halves.tensor(), batches[0].bfloat16().float())


def test_what_is_added_is_a_copy() -> None:
    rows, batch = Rows(), torch.zeros(2, 3)
    rows.append(batch)
    batch.fill_(1)
    assert not rows.tensor().any()


def test_no_rows() -> None:
    with pytest.raises(ValueError, match="0 images"):
        Rows().tensor()
