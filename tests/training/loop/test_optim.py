"""Adam takes the steps of torch's, whatever the layout of weights and gradients."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from t2i.training.loop.optim import Adam

LAYOUTS: list[Callable[[Tensor], Tensor]] = [
    lambda image: image.contiguous(memory_format=torch.channels_last),
    lambda image: image.contiguous(),
    lambda image: image.transpose(0, 1).contiguous().transpose(0, 1),
]


def weights() -> list[nn.Parameter]:
    torch.manual_seed(0)
    return [nn.Parameter(layout(torch.randn(5, 3, 4, 4))) for layout in LAYOUTS] + [nn.Parameter(torch.randn(7))]


def gradients(step: int) -> list[Tensor]:
    """Each in the layout of another weight."""
    torch.manual_seed(1 + step)
    return [layout(torch.randn(5, 3, 4, 4)) for layout in LAYOUTS[::-1]] + [torch.randn(7)]


def stepped(kind: Callable[..., torch.optim.Adam], steps: range, ours: list[nn.Parameter]) -> torch.optim.Adam:
    optimizer = kind(ours, lr=0.1, betas=(0.5, 0.9))
    for step in steps:
        for weight, gradient in zip(ours[step % 2 :], gradients(step)[step % 2 :], strict=True):
            weight.grad = gradient.clone()
        optimizer.step()
        optimizer.zero_grad()
    return optimizer


def test_steps_are_those_of_torch_and_a_weight_without_gradient_rests() -> None:
    ours, expected = weights(), weights()
    before = [weight.stride() for weight in ours]
    stepped(Adam, range(4), ours)
    stepped(torch.optim.Adam, range(4), expected)
    for one, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(one, other)
        assert one.grad is None
    assert [weight.stride() for weight in ours] == before


def test_every_weight_is_a_row_in_its_own_memory_so_that_none_is_copied() -> None:
    ours = weights()
    rows = Adam(ours, lr=0.1, betas=(0.5, 0.9)).param_groups[0]["params"]
    assert [(row.stride(), row.data_ptr()) for row in rows] == [((1,), weight.data_ptr()) for weight in ours]


def test_it_goes_on_from_a_state_to_the_same_bits() -> None:
    whole, halves = weights(), weights()
    stepped(Adam, range(4), whole)
    state = stepped(Adam, range(2), halves).state_dict()

    def going_on(*args: object, **settings: object) -> Adam:
        optimizer = Adam(*args, **settings)  # type: ignore[arg-type]
        optimizer.load_state_dict(state)
        return optimizer

    stepped(going_on, range(2, 4), halves)
    assert all(torch.equal(one, other) for one, other in zip(whole, halves, strict=True))
