"""Optimizers of GAN training: Adam and its schedule for each network, and the average of the generator's weights."""

import copy
import warnings

from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import get_ema_multi_avg_fn

from t2i.models.generators.generator import Generator
from t2i.runtime.distributed import average_gradients
from t2i.training.gan.discriminators import MultiScaleDiscriminator
from t2i.training.loop.checkpoint import Stateful
from t2i.training.loop.optim import Adam


class GanOptimizers:
    """Updates generator, discriminators and the exponential moving average of the generator.

    Args:
        steps: of the training.
        lr_generator, lr_discriminator, beta1, beta2: of Adam.
        lr_decay_start: share of the steps after which the learning rates fall linearly to 0; 1: never.
        ema_decay: share of the old average that stays at each update, in [0, 1).

    Attributes:
        average: the generator with averaged weights, in eval mode.
    """

    def __init__(
        self,
        generator: Generator,
        discriminators: MultiScaleDiscriminator,
        *,
        steps: int,
        lr_generator: float,
        lr_discriminator: float,
        beta1: float,
        beta2: float,
        lr_decay_start: float,
        ema_decay: float,
    ) -> None:
        def lr_factor(step: int) -> float:
            return min(1.0, (steps - step) / max(1.0, steps * (1 - lr_decay_start)))

        # a scale that is not trained yet has a schedule that moves and an optimizer that does not
        warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step", UserWarning)
        self._networks = {"g": generator, **{f"d{i}": network for i, network in enumerate(discriminators.scales)}}
        self._optimizers, self._schedules = {}, {}
        for name, network in self._networks.items():
            lr = lr_generator if name == "g" else lr_discriminator
            self._optimizers[name] = Adam(network.parameters(), lr=lr, betas=(beta1, beta2))
            self._schedules[name] = LambdaLR(self._optimizers[name], lr_factor)
        # torch's AveragedModel copies the number of updates to the device at each of them, and waits for that
        self._update_average = get_ema_multi_avg_fn(ema_decay)
        self.average = copy.deepcopy(generator).eval().requires_grad_(False)

    def step_discriminator(self, scale: int) -> None:
        """Update the discriminator of a scale and free its gradients."""
        self._step(f"d{scale}")

    def step_generator(self) -> None:
        """Update the generator and its average, free its gradients, and advance all schedules."""
        self._step("g")
        generator = self._networks["g"]
        self._update_average(list(self.average.parameters()), list(generator.parameters()), 0)
        for of_average, latest in zip(self.average.buffers(), generator.buffers(), strict=True):
            of_average.copy_(latest)
        for schedule in self._schedules.values():
            schedule.step()

    def _step(self, name: str) -> None:
        average_gradients(self._networks[name])
        self._optimizers[name].step()
        self._optimizers[name].zero_grad()

    def parts(self) -> dict[str, Stateful]:
        """Everything with a state, by name."""
        return {
            "average": self.average,
            **{f"optimizer_{name}": optimizer for name, optimizer in self._optimizers.items()},
            **{f"schedule_{name}": schedule for name, schedule in self._schedules.items()},
        }
