"""Convolutions whose weight gradients are matrix products, on processors where these are faster.

PyTorch computes convolutions with oneDNN, whose code for AVX2 takes two to three times as long for the gradient of the
weights as for the forward pass or the gradient of the input, at the same number of operations. The product of the
output's gradient and the patches of the input needs no more than they do.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

# Where copying the patches takes longer than the product gains: few channels, and what oneDNN has in the caches
_MIN_CHANNELS = 16
_MIN_INPUT, _MIN_WEIGHT = 2**22, 2**18  # elements; one of them is enough

_POSITIONS = 8192  # whose patches are copied at a time


class Conv2d(nn.Conv2d):
    """torch's convolution, undilated and in one group, with the faster gradient of weights.

    Shape: [N, C, H, W] -> [N, O, h, w].
    """

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        assert not isinstance(self.padding, str)
        return conv2d(input, weight, bias, stride=self.stride[0], padding=self.padding[0])


def conv2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, *, stride: int = 1, padding: int = 0) -> Tensor:
    """:func:`torch.nn.functional.conv2d`; [N, C, H, W], [O, C, k, k] -> [N, O, h, w]."""
    if _faster_as_product(input, weight, input.numel()):
        output: Tensor = _Convolution.apply(input, weight, bias, stride, padding, False)
        return output
    return nn.functional.conv2d(input, weight, bias, stride, padding)


def conv_transpose2d(input: Tensor, weight: Tensor, *, stride: int, padding: int) -> Tensor:
    """:func:`torch.nn.functional.conv_transpose2d` without bias; [N, C, H, W], [C, O, k, k] -> [N, O, h, w]."""
    if _faster_as_product(input, weight, input.numel() * stride**2):
        output: Tensor = _Convolution.apply(input, weight, None, stride, padding, True)
        return output
    return nn.functional.conv_transpose2d(input, weight, None, stride, padding)


def _faster_as_product(input: Tensor, weight: Tensor, pixels: int) -> bool:
    """Whether to use the product; ``pixels`` are the elements of the larger of input and output."""
    return (
        torch.is_grad_enabled()
        and weight.requires_grad
        and min(weight.shape[:2]) >= _MIN_CHANNELS
        and (pixels >= _MIN_INPUT or weight.numel() >= _MIN_WEIGHT)
        and input.device.type == "cpu"
        and input.dtype == weight.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and torch.backends.cpu.get_cpu_capability() == "AVX2"
    )


class _Convolution(torch.autograd.Function):
    """A convolution, or a transposed one, with the same results as torch's but for rounding; differentiable twice."""

    @staticmethod
    def forward(
        ctx: Any, input: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int, transposed: bool
    ) -> Tensor:
        ctx.save_for_backward(input, weight)
        ctx.geometry = [stride] * 2, [padding] * 2, [1, 1], transposed, [0, 0], 1
        return torch.convolution(input, weight, bias, *ctx.geometry)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (gradient,), (input, weight) = gradients, ctx.saved_tensors
        strides, paddings, _, transposed, *_ = ctx.geometry
        of_input, of_weight, of_bias = ctx.needs_input_grad[:3]
        product = of_weight and not torch.is_grad_enabled()  # torch's own is differentiable again
        input_gradient, weight_gradient, bias_gradient = torch.ops.aten.convolution_backward(
            gradient, input, weight, [gradient.shape[1]] if of_bias else None, *ctx.geometry,
            [of_input, of_weight and not product, of_bias],
        )  # fmt: skip
        if product:
            # a transposed convolution is the gradient of a convolution: input and output change places
            read, written = (gradient, input) if transposed else (input, gradient)
            weight_gradient = _weight_gradient(read, written, weight.shape[2], strides[0], paddings[0])
        return input_gradient, weight_gradient, bias_gradient, None, None, None


def _weight_gradient(input: Tensor, gradient: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    """Gradient of a convolution's weights: the output's gradient times the patches that each position reads.

    Shape: [N, C, H, W] and [N, O, h, w] -> [O, C, k, k], channels last.
    """
    padded = pad(input.permute(0, 2, 3, 1), (0, 0, *[padding] * 4))  # [N, H + 2 p, W + 2 p, C]
    patches = padded.unfold(1, kernel, stride).unfold(2, kernel, stride).permute(0, 1, 2, 4, 5, 3)  # [N, h, w, k, k, C]
    outputs = gradient.permute(0, 2, 3, 1)
    _, height, width, channels_out = outputs.shape
    patches = patches[:, :height, :width]
    images, rows = max(1, _POSITIONS // (height * width)), max(1, _POSITIONS // width)
    total = padded.new_zeros(channels_out, kernel * kernel * padded.shape[-1])
    for of_images, out_images in zip(patches.split(images), outputs.split(images), strict=True):
        for block, out in zip(of_images.split(rows, dim=1), out_images.split(rows, dim=1), strict=True):
            total.addmm_(out.reshape(-1, channels_out).T, block.reshape(-1, total.shape[1]))
    return total.view(channels_out, kernel, kernel, -1).permute(0, 3, 1, 2)
