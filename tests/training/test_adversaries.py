"""What discriminators and generator want of each other, against the published order of passes."""

import pytest
import torch
from torch import Tensor

from t2i.losses.adversarial import fools, says_fake, says_real
from t2i.losses.damsm import Candidates
from t2i.models.discriminator import Discriminator
from t2i.training.adversaries import Adversaries


def make(**changed: object) -> Adversaries:
    torch.manual_seed(0)
    settings: dict[str, object] = {
        "ndf": 4,
        "embedding_dim": 6,
        "norm": "none",
        "projection": 0,
        "kind": "bce",
        "mismatched": "next",
    }
    return Adversaries([8, 16], **(settings | changed))  # type: ignore[arg-type]


def told(
    both: Adversaries, reals: list[Tensor], fakes: list[Tensor], sentences: Tensor, classes: Tensor, *more: Candidates
) -> Tensor:
    """Summed over the scales."""
    scales = enumerate(zip(reals, fakes, strict=True))
    losses = [both.tell_apart(scale, real, fake, sentences, classes, *more) for scale, (real, fake) in scales]
    return torch.stack(losses).sum()


def pictures(n: int) -> list[Tensor]:
    return [torch.randn(n, 3, size, size) for size in (8, 16)]


@pytest.mark.parametrize("views", [1, 2])
def test_discriminator_loss_is_that_of_each_caption_in_passes_of_its_own(views: int) -> None:
    both, reals, fakes, sentences = make(), pictures(4), pictures(4 * views), torch.randn(4 * views, 6)
    expected = torch.zeros(())
    for d, real, fake in zip(both.scales, reals, fakes, strict=True):
        for view in range(views):
            rows = slice(4 * view, 4 * view + 4)
            said = sentences[rows]
            real_u, (real_c,) = d(real, said)
            fake_u, (fake_c,) = d(fake[rows], said)
            _, (wrong_c,) = d(real[:-1], said[1:])  # the published code leaves the last image without a wrong sentence
            expected = expected + (says_real(real_u, "bce") + says_real(real_c, "bce")) / 2
            expected = expected + (
                says_fake(fake_u, "bce") + says_fake(fake_c, "bce") + says_fake(wrong_c, "bce")
            ) / 3  # fmt: skip
    torch.testing.assert_close(told(both, reals, fakes, sentences, torch.arange(4)), expected)


@pytest.mark.parametrize("views", [1, 2])
def test_generator_loss_is_summed_over_scales_and_captions(views: int) -> None:
    both, fakes, sentences = make(), pictures(3 * views), torch.randn(3 * views, 6)
    expected = torch.zeros(())
    for d, fake in zip(both.scales, fakes, strict=True):
        for f, said in zip(fake.split(3), sentences.split(3), strict=True):
            unconditional, (conditional,) = d(f, said)
            expected = expected + fools(unconditional, "bce") + fools(conditional, "bce")
    found = sum(both.fooling(scale, fake, sentences, views) for scale, fake in enumerate(fakes))
    torch.testing.assert_close(found, expected)


def test_fakes_get_no_gradient_from_the_discriminators_loss() -> None:
    both, fakes = make(), [picture.requires_grad_() for picture in pictures(4)]
    told(both, pictures(4), fakes, torch.randn(4, 6), torch.arange(4)).backward()
    assert all(fake.grad is None for fake in fakes)
    assert all(parameter.grad is not None for parameter in both.parameters())


def test_the_hardest_wrong_sentence_is_of_another_class_and_fits_best() -> None:
    both = make(projection=5, mismatched="hardest")
    d = both.scales[1]
    assert isinstance(d, Discriminator)
    features, sentences, classes = torch.randn(6, 8, 4, 4), torch.randn(6, 6), torch.tensor([0, 0, 1, 1, 2, 3])
    chosen = both._wrong(d, features, sentences, classes)
    fits = d.fits(features, sentences)
    for i in range(6):
        others = [j for j in range(6) if classes[j] != classes[i]]
        best = max(others, key=lambda j: fits[i, j].item())
        assert torch.equal(chosen[i], sentences[best])


@pytest.mark.parametrize("changed", [{"mismatched": "hardest"}, {"matching_weight": 1.0}])
def test_what_needs_a_projection_says_so(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="need a projection, which is 0; legal are 1 or more"):
        make(**changed)


def test_the_matching_loss_is_added_for_each_scale_and_caption() -> None:
    plain, contrasted = make(projection=5), make(projection=5, matching_weight=0.7)
    contrasted.load_state_dict(plain.state_dict())
    reals, fakes, sentences, classes = pictures(4), pictures(8), torch.randn(8, 6), torch.tensor([0, 1, 1, 2])
    added = torch.zeros(())
    for d, real in zip(plain.scales, reals, strict=True):
        assert isinstance(d, Discriminator)
        for said in sentences.split(4):
            fits = d.fits(d.trunk(real), said)
            for logits in (fits, fits.T):
                for i in range(4):  # -log softmax of the right one among those of other classes and itself
                    others = [j for j in range(4) if j == i or classes[j] != classes[i]]
                    added = added - torch.log_softmax(logits[i, others], dim=0)[others.index(i)] / 4
    expected = told(plain, reals, fakes, sentences, classes) + 0.7 * added
    torch.testing.assert_close(told(contrasted, reals, fakes, sentences, classes), expected)


def test_remembered_sentences_make_the_matching_loss_harder() -> None:
    both = make(projection=5, matching_weight=1.0)
    reals, fakes, sentences, classes = pictures(4), pictures(8), torch.randn(8, 6), torch.arange(4)
    more = Candidates(torch.randn(7, 6), torch.tensor([0, 4, 5, 6, 7, 8, 9]))
    added = torch.zeros(())
    for d, real in zip(both.scales, reals, strict=True):
        assert isinstance(d, Discriminator)
        features = d.trunk(real)
        for said in sentences.split(4):
            own, rest = d.fits(features, said), d.fits(features, more.sentences)
            rest[0, 0] = float("-inf")  # of the same class
            harder = torch.cat((own, rest), dim=1)
            added = added + (harder.logsumexp(dim=1) - own.logsumexp(dim=1)).mean()
    expected = told(both, reals, fakes, sentences, classes) + added
    torch.testing.assert_close(told(both, reals, fakes, sentences, classes, more), expected)


def test_the_projection_adds_an_inner_product() -> None:
    torch.manual_seed(0)
    d = Discriminator(8, 4, 6, "none", 5)
    features, sentences = torch.randn(3, 4, 4, 4), torch.randn(3, 6)
    (with_it,) = d.conditional(features, sentences)
    d.projection = 0
    (without,) = d.conditional(features, sentences)
    d.projection = 5
    torch.testing.assert_close(with_it, without + d.fits(features, sentences).diagonal())


def test_pyramid_shrinks_real_images() -> None:
    images = torch.full((2, 3, 16, 16), 0.25)
    small, large = make().pyramid(images)
    assert small.shape == (2, 3, 8, 8) and large is images
    torch.testing.assert_close(small, torch.full_like(small, 0.25))
