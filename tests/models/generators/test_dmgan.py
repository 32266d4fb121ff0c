"""The memory of DM-GAN against the equations, one image and one word at a time."""

import torch
from torch import Tensor

from t2i.models.generators.dmgan import DynamicMemory, MemoryStage


def naive(memory: DynamicMemory, hidden: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
    """One image [C, H, W], one caption without padding [D, L] -> response [C, H, W], attention [L, H, W]."""
    mean = hidden.flatten(1).mean(dim=1)
    slots = []
    for word in words.T:
        gate = torch.sigmoid(memory.gate_of_word(word) + memory.gate_of_image(mean))
        written = memory.write_word(word[None, :, None])[0, :, 0]
        kept = memory.write_image(mean[None, :, None])[0, :, 0]
        slots.append(gate * written + (1 - gate) * kept)
    keys = [memory.key(slot[None, :, None])[0, :, 0] for slot in slots]
    values = [memory.value(slot[None, :, None])[0, :, 0] for slot in slots]
    response = torch.zeros_like(hidden)
    attention = torch.zeros(len(slots), *hidden.shape[1:])
    for y in range(hidden.shape[1]):
        for x in range(hidden.shape[2]):
            weights = torch.stack([key @ hidden[:, y, x] for key in keys]).softmax(dim=0)
            attention[:, y, x] = weights
            response[:, y, x] = sum(w * value for w, value in zip(weights, values, strict=True))  # type: ignore
    return response, attention


def test_memory_follows_the_equations_with_a_different_length_each() -> None:
    torch.manual_seed(0)
    memory = DynamicMemory(4, 6).requires_grad_(False)
    hidden, words, lengths = torch.randn(3, 4, 2, 3), torch.randn(3, 6, 5), [5, 1, 3]
    padding = torch.arange(5)[None] >= torch.tensor(lengths)[:, None]
    response, attention = memory(hidden, words, padding)
    for n, length in enumerate(lengths):
        one_response, one_attention = naive(memory, hidden[n], words[n, :, :length])
        torch.testing.assert_close(response[n], one_response)
        torch.testing.assert_close(attention[n, :length], one_attention)
        assert attention[n, length:].sum() == 0


def test_the_mean_over_the_image_enters_without_gradient() -> None:
    torch.manual_seed(0)
    memory = DynamicMemory(4, 6)
    hidden = torch.randn(1, 4, 2, 2, requires_grad=True)
    for weight in memory.write_word.parameters():  # the slots come from the image alone
        weight.data.zero_()
    memory.gate_of_word.weight.data.zero_()
    response, attention = memory(hidden, torch.randn(1, 6, 3), torch.zeros(1, 3, dtype=torch.bool))
    # every slot is the same, so addressing changes nothing, and the mean is cut off
    (response.sum() + attention.sum()).backward()
    assert hidden.grad is not None
    torch.testing.assert_close(hidden.grad, torch.zeros_like(hidden), atol=1e-6, rtol=0)


def test_the_response_gate_mixes_hidden_image_and_response() -> None:
    torch.manual_seed(0)
    stage = MemoryStage(8, 6, 1, "leaky_groupnorm")
    hidden, words, padding = torch.randn(2, 8, 4, 4), torch.randn(2, 6, 3), torch.zeros(2, 3, dtype=torch.bool)
    response, _ = stage.memory(hidden, words, padding)
    for bias, expected in ((-100.0, hidden), (100.0, response)):  # gate shut, gate open
        weight, gate_bias = stage.response_gate.parameters()
        weight.data.zero_()
        gate_bias.data.fill_(bias)
        out, _ = stage(hidden, words, padding)
        torch.testing.assert_close(out, stage.up(stage.residual(expected)))
