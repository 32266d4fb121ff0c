"""Convolutions with weight gradients as products: against torch's."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from t2i.models import convolution
from t2i.models.convolution import Conv2d, conv2d, conv_transpose2d

GEOMETRIES = [(3, 1, 1), (4, 2, 1), (1, 1, 0), (5, 3, 2), (4, 1, 0), (3, 2, 0)]  # kernel, stride, padding
LAYOUTS = pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the product whatever the processor and the sizes."""
    monkeypatch.setattr(convolution, "_faster_as_product", lambda *_: True)


def random(*shape: int, layout: torch.memory_format = torch.contiguous_format) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64).to(memory_format=layout).requires_grad_()


@LAYOUTS
@pytest.mark.parametrize("positions", [1, 20, 8192])
@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.usefixtures("products")
def test_gradients_are_those_of_torch(
    geometry: tuple[int, int, int], positions: int, layout: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolution, "_POSITIONS", positions)
    kernel, stride, padding = geometry
    image, bias = random(3, 4, 10, 7, layout=layout), random(5)
    weight, transposed = random(5, 4, kernel, kernel, layout=layout), random(4, 5, kernel, kernel, layout=layout)
    for ours, plain, weights in (
        (conv2d(image, weight, bias, stride=stride, padding=padding),
         functional.conv2d(image, weight, bias, stride, padding), (weight, bias)),
        (conv_transpose2d(image, transposed, stride=stride, padding=padding),
         functional.conv_transpose2d(image, transposed, None, stride, padding), (transposed,)),
    ):  # fmt: skip
        assert torch.equal(ours, plain)
        gradient = torch.randn_like(plain)
        for actual, expected in zip(
            torch.autograd.grad(ours, (image, *weights), gradient),
            torch.autograd.grad(plain, (image, *weights), gradient),
            strict=True,
        ):
            torch.testing.assert_close(actual, expected)


@pytest.mark.usefixtures("products")
def test_it_is_differentiable_twice() -> None:
    image, weight, transposed = random(2, 3, 6, 5), random(2, 3, 4, 4), random(3, 2, 4, 4)
    for function, weights in ((conv2d, weight), (conv_transpose2d, transposed)):
        assert torch.autograd.gradgradcheck(lambda x, w, f=function: f(x, w, stride=2, padding=1), (image, weights))


@pytest.mark.usefixtures("products")
def test_a_frozen_side_has_no_gradient() -> None:
    image, weight = random(2, 3, 6, 6), random(4, 3, 3, 3)
    conv2d(image.detach(), weight, padding=1).sum().backward()
    assert weight.grad is not None
    conv2d(image, weight.detach(), padding=1).sum().backward()
    assert image.grad is not None


def test_the_gradient_of_weights_is_channels_last() -> None:
    gradient = convolution._weight_gradient(torch.randn(2, 16, 8, 8), torch.randn(2, 32, 8, 8), 3, 1, 1)
    assert gradient.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("layer", [Conv2d(16, 1024, 4, 2, 1), Conv2d(16, 1024, 4, 2, 1, bias=False)])
def test_the_layer_is_torchs(layer: Conv2d, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    image = torch.randn(2, 16, 8, 8)
    output = layer(image)
    assert output.grad_fn.name() == "_ConvolutionBackward"
    assert torch.equal(output, torch.nn.Conv2d.forward(layer, image))
    plain = functional.conv2d(image, layer.weight, layer.bias, 2, 1)
    assert torch.equal(output, plain)


def test_where_the_product_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(image: Tensor, weight: Tensor) -> bool:
        return convolution._faster_as_product(image, weight, image.numel())

    large = torch.zeros(1024, 16, 4, 4, requires_grad=True)
    small, thin = torch.zeros(512, 16, 4, 4, requires_grad=True), torch.zeros(2**15, 8, 1, 1, requires_grad=True)
    few, many = torch.zeros(1, 16, 8, 8), torch.zeros(1, 16, 512, 512)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert taken(few, large)
    assert taken(many, small)
    assert not taken(few, small)  # oneDNN has all of it in the caches
    assert not taken(few.expand(1, 16, 8, 8)[:, :8], thin)
    assert not taken(few, large.detach())
    assert not taken(few.bfloat16(), large.bfloat16())
    with torch.no_grad():
        assert not taken(few, large)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not taken(few, large)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    assert not taken(few, large)
