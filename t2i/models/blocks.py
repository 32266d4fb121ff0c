"""Blocks that generators and discriminators share."""

from typing import Literal

import torch
from torch import Tensor, nn

from t2i.models.convolution import Conv2d, conv2d, conv_transpose2d

NormAct = Literal["glu_batchnorm", "leaky_batchnorm", "leaky_groupnorm"]
"""Normalisation and activation of a generator: batch norm and gated linear units are the paper's. Leaky ReLU takes half
the products; group norm sees each image by itself."""


def conv3x3(channels_in: int, channels_out: int, *, bias: bool = False) -> nn.Conv2d:
    """3x3 convolution that keeps height and width."""
    return Conv2d(channels_in, channels_out, 3, padding=1, bias=bias)


class UpConv3x3(Conv2d):
    """Nearest-neighbour doubling and a 3x3 convolution in one step, with the weights of the convolution.

    Every doubled pixel is there twice along each axis, so taps that fall on the same source pixel can be added up
    beforehand: what remains is a transposed 4x4 convolution of stride 2 with 16 products a source pixel instead of 36,
    and no doubled image in memory. A 4x4 image has fewer pixels than taps to add up, and is doubled first.

    Shape: [N, channels_in, H, W] -> [N, channels_out, 2H, 2W].
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, 3, padding=1, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        """Shape: [N, channels_in, H, W] -> [N, channels_out, 2H, 2W]."""
        if input[0, 0].numel() <= 16:
            return super().forward(nn.functional.interpolate(input, scale_factor=2, mode="nearest"))
        taps = nn.functional.pad(self.weight.flip(2, 3).transpose(0, 1), (1, 1, 1, 1))  # [in, out, 5, 5]
        taps = taps[:, :, 1:] + taps[:, :, :-1]
        taps = taps[:, :, :, 1:] + taps[:, :, :, :-1]  # [in, out, 4, 4]
        return conv_transpose2d(input, taps, stride=2, padding=1)


class DuplicatedInputConv3x3(Conv2d):
    """A 3x3 convolution of an image stacked on itself, from the image alone, with the weights of the convolution.

    Each channel is there twice, so the weights that meet it can be added up beforehand: half of the products, and no
    stack in memory.

    Shape: [N, channels_in / 2, H, W] -> [N, channels_out, H, W].
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, 3, padding=1, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        """Shape: [N, channels_in / 2, H, W] -> [N, channels_out, H, W]."""
        first, second = self.weight.chunk(2, dim=1)
        return conv2d(input, first + second, padding=1)


class GLU(nn.Module):
    """Half of the channels, gated by the other half; [N, 2 C, H, W] -> [N, C, H, W].

    torch's own returns NCHW gradients whatever the layout was, and the batch norm before it then takes ten times as
    long.
    """

    def forward(self, hidden: Tensor) -> Tensor:
        """Shape: [N, 2 C, H, W] -> [N, C, H, W]."""
        value, gate = hidden.chunk(2, dim=1)
        return value * gate.sigmoid()


class GroupNorm(nn.GroupNorm):
    """Group norm whose output has the precision of its input.

    Under autocast torch's own computes in float32 on a GPU and returns that, so that all that follows up to the next
    convolution would take twice the memory. (Inside, both compute in float32.)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Shape: [N, C, ...] -> [N, C, ...]."""
        if input.device.type != "cuda" or input.dtype == self.weight.dtype:
            return super().forward(input)
        weight, bias = self.weight.to(input.dtype), self.bias.to(input.dtype)
        with torch.autocast("cuda", enabled=False):
            return nn.functional.group_norm(input, self.num_groups, weight, bias, self.eps)


def is_batch_normed(norm_act: NormAct) -> bool:
    """Whether images of a batch are normalised together."""
    return norm_act != "leaky_groupnorm"


def image_norm(channels: int, norm_act: NormAct) -> nn.Module:
    """The normalisation of [N, C, H, W]; groups are of 8 channels."""
    return nn.BatchNorm2d(channels) if is_batch_normed(norm_act) else GroupNorm(max(1, channels // 8), channels)


def conv_norm_act(convolution: nn.Conv2d, norm_act: NormAct) -> list[nn.Module]:
    """A convolution with its normalisation and activation; gated units halve the channels."""
    activate = GLU() if norm_act == "glu_batchnorm" else nn.LeakyReLU(0.2, inplace=True)
    return [convolution, image_norm(convolution.out_channels, norm_act), activate]


def pre_activation_channels(channels_out: int, norm_act: NormAct) -> int:
    """Channels that a convolution must give for ``channels_out`` after its activation."""
    return 2 * channels_out if norm_act == "glu_batchnorm" else channels_out


class UpBlock(nn.Sequential):
    """A doubling convolution with what follows it; [N, channels_in, H, W] -> [N, channels_out, 2H, 2W]."""

    def __init__(self, channels_in: int, channels_out: int, norm_act: NormAct) -> None:
        super().__init__(
            *conv_norm_act(UpConv3x3(channels_in, pre_activation_channels(channels_out, norm_act)), norm_act)
        )


def attend(hidden: Tensor, keys: Tensor, values: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
    """Attention of every pixel over L keys and values; padding has no weight.

    Shape: [N, C, H, W], keys and values [N, C, L], [N, L] -> mixture [N, C, H, W], attention [N, L, H, W].
    """
    n, _, height, width = hidden.shape
    pixels = hidden.flatten(2).transpose(1, 2)  # [N, HW, C]
    scores = (pixels @ keys).float().masked_fill(padding[:, None, :], float("-inf"))
    attention = scores.softmax(dim=2)  # [N, HW, L]
    mixture = attention.to(values.dtype) @ values.transpose(1, 2)  # [N, HW, C]
    # [N, HW, C] read as [N, C, H, W] is channels last already: nothing is copied
    return (
        mixture.view(n, height, width, -1).permute(0, 3, 1, 2),
        attention.transpose(1, 2).reshape(n, -1, height, width),
    )


class ResidualBlock(nn.Module):
    """Two convolutions beside an identity; [N, C, H, W] -> [N, C, H, W].

    Args:
        duplicated_input: the block reads an image concatenated with itself, and is given that image, [N, C / 2, H, W].
    """

    def __init__(self, channels: int, norm_act: NormAct, *, duplicated_input: bool = False) -> None:
        super().__init__()
        self.duplicated_input = duplicated_input
        convolution = (DuplicatedInputConv3x3 if duplicated_input else conv3x3)(
            channels, pre_activation_channels(channels, norm_act)
        )
        self.block = nn.Sequential(
            *conv_norm_act(convolution, norm_act), conv3x3(channels, channels), image_norm(channels, norm_act)
        )

    def forward(self, hidden: Tensor) -> Tensor:
        """Shape: [N, C, H, W], or half the channels where duplicated_input -> [N, C, H, W]."""
        change = self.block(hidden)
        if self.duplicated_input:
            return torch.cat((hidden, hidden), dim=1) + change  # a broadcast's gradient, a sum, is not channels last
        return hidden + change


class ConditioningAugmentation(nn.Module):
    """Conditioning augmentation: a sample from a Gaussian around the sentence (StackGAN, section 3.2).

    mu and log variance come from linear + GLU; the condition is mu + exp(logvar / 2) * epsilon.
    """

    def __init__(self, embedding_dim: int, condition_dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(embedding_dim, 4 * condition_dim)
        # Sentences are small numbers (an LSTM's states) and epsilon is not: with torch's initial values the condition
        # would be nearly all noise for the first thousand steps. So mu starts about half as large as the noise vector,
        # and sigma at exp(-4 / 4) = 0.37; rows are value of mu, value of logvar, and their gates.
        nn.init.orthogonal_(self.linear.weight, gain=4.0)
        nn.init.zeros_(self.linear.weight[condition_dim : 2 * condition_dim])
        nn.init.zeros_(self.linear.bias)
        nn.init.constant_(self.linear.bias[condition_dim : 2 * condition_dim], -4.0)

    def forward(self, sentence: Tensor, epsilon: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Sample a condition.

        Args:
            sentence: [N, D].
            epsilon: [N, condition_dim], standard normal; zeros give the mean.

        Returns:
            condition, mu, logvar, each [N, condition_dim].
        """
        mu, logvar = nn.functional.glu(self.linear(sentence), dim=1).float().chunk(2, dim=1)
        return mu + torch.exp(0.5 * logvar) * epsilon, mu, logvar
