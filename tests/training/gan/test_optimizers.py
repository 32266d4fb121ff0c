"""Averages, schedules and states of the optimizers of GAN training."""

from typing import Any

import pytest
import torch

from t2i.training.gan.discriminators import MultiScaleDiscriminator
from t2i.training.gan.optimizers import GanOptimizers
from tests.helpers import make_generator


def make(**changes: Any) -> GanOptimizers:
    d = MultiScaleDiscriminator([8], ndf=4, embedding_dim=6, norm="none", projection_dim=0, negative_captions="next")
    arguments = {
        "steps": 10, "lr_generator": 1e-2, "lr_discriminator": 2e-2, "beta1": 0.0, "beta2": 0.9,
        "lr_decay_start": 0.8, "ema_decay": 0.75,
    }  # fmt: skip
    return GanOptimizers(make_generator(image_size=8, norm_act="glu_batchnorm"), d, **(arguments | changes))


def rates(optimizers: GanOptimizers) -> list[float]:
    return [o.param_groups[0]["lr"] for name, o in optimizers.parts().items() if name.startswith("optimizer")]  # type: ignore[attr-defined]


def test_the_average_is_a_geometric_mean_of_the_past() -> None:
    optimizers = make(lr_generator=1e-12)
    generator = optimizers._networks["g"]
    weight, start = generator.heads[0][0].weight, optimizers.average.heads[0][0].weight.clone()  # type: ignore[index,union-attr]
    statistics = generator.initial.ups[0][1].running_mean  # type: ignore[index,union-attr]
    for _ in range(3):
        with torch.no_grad():
            weight.fill_(2.0)
            statistics.fill_(5.0)
        optimizers.step_generator()
    kept = 0.75**3
    average = optimizers.average
    torch.testing.assert_close(average.heads[0][0].weight, kept * start + (1 - kept) * 2.0)  # type: ignore[index]
    assert (average.initial.ups[0][1].running_mean == 5.0).all()  # type: ignore[index,union-attr]
    assert not average.training and not any(weight.requires_grad for weight in average.parameters())


def test_learning_rates_fall_to_nothing_from_the_given_share_of_the_steps() -> None:
    optimizers, seen = make(), []
    for _ in range(10):
        seen.append(rates(optimizers))
        optimizers.step_generator()
    factors = [1.0] * 9 + [0.5]
    assert [tuple(pair) for pair in seen] == [pytest.approx((1e-2 * f, 2e-2 * f)) for f in factors]


def test_learning_rates_stay_where_decay_never_starts() -> None:
    optimizers = make(lr_decay_start=1.0)
    for _ in range(9):
        optimizers.step_generator()
    assert rates(optimizers) == [1e-2, 2e-2]


def test_a_misspelt_argument_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="lr_genrator"):
        make(lr_genrator=1.0)
