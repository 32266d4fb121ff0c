"""The latest sentences, and no others."""

import torch

from t2i.training.gan.memory_bank import MemoryBank

CPU = torch.device("cpu")


def test_it_keeps_the_latest_in_order() -> None:
    memory = MemoryBank(5, 2, CPU)
    assert memory.negatives is None
    rows = torch.arange(16.0).view(8, 2)
    for start in range(0, 8, 2):
        memory.add(rows[start : start + 2], torch.tensor([start, start + 1]))
    kept = memory.negatives
    assert kept is not None
    assert torch.equal(kept.sentences, rows[3:]) and kept.classes.tolist() == [3, 4, 5, 6, 7]


def test_a_batch_larger_than_the_memory_leaves_its_end() -> None:
    memory = MemoryBank(3, 1, CPU)
    memory.add(torch.arange(5.0)[:, None], torch.arange(5))
    assert memory.negatives is not None and memory.negatives.classes.tolist() == [2, 3, 4]


def test_none_is_none() -> None:
    memory = MemoryBank(0, 2, CPU)
    memory.add(torch.ones(4, 2), torch.arange(4))
    assert memory.negatives is None


def test_it_goes_on_from_its_state() -> None:
    one, two = MemoryBank(4, 2, CPU), MemoryBank(4, 2, CPU)
    one.add(torch.randn(3, 2), torch.arange(3))
    two.load_state_dict(one.state_dict())
    for memory in (one, two):
        memory.add(torch.ones(2, 2), torch.arange(2))
    assert one.negatives is not None and two.negatives is not None
    assert torch.equal(one.negatives.sentences, two.negatives.sentences)
    assert torch.equal(one.negatives.classes, two.negatives.classes)
