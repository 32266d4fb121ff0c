"""Training steps done the plain way, to be measured against: the same mathematics as in t2i, arranged as published.

Every caption passes generator and discriminators by itself, real images pass once a caption, sentences are tiled before
the joint convolution, images are doubled before they are convolved, the word loss goes caption by caption and forms
every context, recurrences run over packed sequences, optimizers and averages go parameter by parameter, all in float32.
`tests/benchmarks/test_reference.py` holds both to the same losses, step by step.
"""

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from benchmarks.synthetic import GENERATOR_SIZES
from t2i.data.batches import CaptionBatches
from t2i.data.packed import PackedSplit
from t2i.data.pixels import to_float
from t2i.data.text.vocabulary import Vocabulary
from t2i.losses.adversarial import discriminator_loss, generator_loss
from t2i.losses.damsm import matching_loss, sentence_scores
from t2i.losses.kl import kl_to_standard_normal
from t2i.losses.nt_xent import nt_xent
from t2i.models.blocks import DuplicatedInputConv3x3, UpConv3x3
from t2i.models.discriminator import Discriminator
from t2i.models.encoders.damsm import Damsm, build_image_encoder
from t2i.models.encoders.text import TextEncoder
from t2i.models.generators.generator import Generator, scales
from t2i.models.init import start
from t2i.training.gan.discriminators import MultiScaleDiscriminator
from t2i.training.gan.train import draw_noise

Row = dict[str, float]


# ---- Parts ----


class Stacked(nn.Module):
    """An image on itself."""

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, 2 C, H, W]."""
        return torch.cat((image, image), dim=1)


def layer_by_layer(network: nn.Module) -> nn.Module:
    """The network with each convolution of a doubled or stacked image as two layers; in place."""
    for name, child in network.named_children():
        if isinstance(child, UpConv3x3 | DuplicatedInputConv3x3):
            convolution = nn.Conv2d(child.in_channels, child.out_channels, 3, padding=1, bias=False)
            convolution.weight = child.weight
            before = (
                Stacked() if isinstance(child, DuplicatedInputConv3x3) else nn.Upsample(scale_factor=2, mode="nearest")
            )
            setattr(network, name, nn.Sequential(before, convolution))
        else:
            layer_by_layer(child)
    return network


class PackedText(nn.Module):
    """A text encoder over packed sequences, with the weights of ours."""

    def __init__(self, ours: TextEncoder) -> None:
        super().__init__()
        half = ours.forward_lstm.hidden_size
        self.embedding, self.dropout, self.sentence = ours.embedding, ours.dropout, ours.config["sentence"]
        self.both = nn.LSTM(ours.forward_lstm.input_size, half, batch_first=True, bidirectional=True)
        for lstm, suffix in ((ours.forward_lstm, ""), (ours.backward_lstm, "_reverse")):
            for name, value in lstm.named_parameters():
                setattr(self.both, name + suffix, value)

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """[N, L] -> words [N, D, L], sentence [N, D]; captions are sorted by length and put back."""
        lengths = (ids != 0).sum(dim=1)
        order = lengths.argsort(descending=True)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.dropout(self.embedding(ids[order])), lengths[order].cpu(), batch_first=True
        )
        output, (hidden, _) = self.both(packed)
        words, _ = nn.utils.rnn.pad_packed_sequence(output, batch_first=True, total_length=ids.shape[1])
        back = order.argsort()
        words, sentence = words[back], torch.cat(tuple(hidden), dim=1)[back]
        if self.sentence == "max":
            sentence = torch.stack([said[:length].amax(dim=0) for said, length in zip(words, lengths, strict=True)])
        return words.transpose(1, 2), sentence


def word_scores(regions: Tensor, words: Tensor, padding: Tensor, gamma1: float, gamma2: float) -> Tensor:
    """Scores [N, N] as in :func:`t2i.losses.damsm.word_scores`, one caption after the other."""
    n, v = len(regions), regions.flatten(2)  # [N, D, R]
    columns = []
    for caption, missing_items in zip(words, padding, strict=True):
        said = caption[:, ~missing_items].expand(n, -1, -1)  # [N, D, L]
        attention = torch.softmax(v.transpose(1, 2) @ said, dim=2)  # [N, R, L]
        attention = torch.softmax(gamma1 * attention.transpose(1, 2), dim=2)  # [N, L, R]
        contexts = v @ attention.transpose(1, 2)  # [N, D, L]
        cosine = cosine_similarity(said, contexts, dim=1)  # [N, L]
        columns.append((gamma2 * cosine).exp().sum(dim=1, keepdim=True).log())
    return torch.cat(columns, dim=1)


def text_image_losses(
    regions: Tensor,
    codes: Tensor,
    words: Tensor,
    sentence: Tensor,
    padding: Tensor,
    classes: Tensor,
    gammas: list[float],
) -> tuple[Tensor, Tensor]:
    """Word and sentence loss of one caption an image."""
    gamma1, gamma2, gamma3 = gammas
    by_words = matching_loss(word_scores(regions, words, padding, gamma1, gamma2), classes, gamma3)
    by_sentence = matching_loss(sentence_scores(codes, sentence), classes, gamma3)
    return sum(by_words), sum(by_sentence)  # type: ignore[return-value]


def conditional(network: Discriminator, features: Tensor, sentence: Tensor) -> Tensor:
    """Conditional logits of features joined with a tiled sentence."""
    tiled = sentence[:, :, None, None].expand(-1, -1, 4, 4)
    joined = network.after_joint(network.joint(torch.cat((features[: len(sentence)], tiled), dim=1)))
    return network.conditional_head(joined).flatten()


# ---- TrainingLoop ----


def plain_gan(
    pack: PackedSplit,
    damsm: Damsm,
    *,
    model: str,
    steps: int,
    batch_size: int,
    seed: int,
    watch: Any = None,
    **given: Any,
) -> tuple[Generator, list[Row]]:
    """:func:`t2i.training.gan.train_gan` for the paper's losses, with the same arguments.

    Both captions are drawn one after the other, so where there is batch norm each caption has its own statistics.
    """
    text, image = PackedText(copy.deepcopy(damsm.text)).eval(), copy.deepcopy(damsm.image).eval()
    image.requires_grad_(False)
    torch.manual_seed(seed)
    generator = Generator(
        model=model, embedding_dim=damsm.embedding_dim, image_size=pack.image_size,
        **{name: given[name] for name in ("noise_dim", "condition_dim", *GENERATOR_SIZES)},
    )  # fmt: skip
    discriminators = MultiScaleDiscriminator(
        scales(given["base_size"], pack.image_size), ndf=given["ndf"], embedding_dim=damsm.embedding_dim,
        norm=given["discriminator_norm"], projection=0, kind=given["adversarial"], mismatched="next",
    )  # fmt: skip
    for network in (generator, discriminators):
        start(network, given["init"])
    layer_by_layer(generator)
    average = [parameter.detach().clone() for parameter in generator.parameters()]
    betas = (given["beta1"], given["beta2"])

    def adam(network: nn.Module, lr: float) -> torch.optim.Adam:
        return torch.optim.Adam(network.parameters(), lr=lr, betas=betas, foreach=False)

    optimizer_g = adam(generator, given["lr_generator"])
    optimizers_d = [adam(network, given["lr_discriminator"]) for network in discriminators.scales]
    pairs = CaptionBatches(
        pack, damsm.vocabulary, batch_size=batch_size, max_words=given["max_words"], flip=given["flip"], seed=seed
    )
    gammas = (given["gamma1"], given["gamma2"], given["gamma3"])
    kind = given["adversarial"]
    rows: list[Row] = []
    for step, batch in enumerate(pairs.batches(0, steps)):
        with torch.no_grad():
            said = [text(ids) for ids in batch.ids]
        reals = discriminators.pyramid(to_float(batch.images).contiguous())
        rng = np.random.default_rng([seed, 2, step])
        noise = draw_noise(generator, batch_size, 2, given["shared_noise"], rng, torch.device("cpu"))
        views = list(zip(said, batch.ids, *(part.chunk(2) for part in noise), strict=True))
        made = [generator(z, epsilon, s, w, ids == 0) for (w, s), ids, z, epsilon in views]

        losses = dict.fromkeys(("d", "g", "damsm", "kl"), 0.0)
        for place, (network, optimizer) in enumerate(zip(discriminators.scales, optimizers_d, strict=True)):
            loss = torch.zeros(())
            for (_, sentence), fakes in zip(said, made, strict=True):
                real, fake = network.trunk(reals[place]), network.trunk(fakes.images[place].detach())
                loss = loss + discriminator_loss(
                    network.unconditional_head(real).flatten(), conditional(network, real, sentence),
                    network.unconditional_head(fake).flatten(), conditional(network, fake, sentence),
                    conditional(network, real, sentence[1:]), kind,
                )  # fmt: skip
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses["d"] += loss.item()

        total = torch.zeros(())
        codes = []
        for (words, sentence), ids, fakes in zip(said, batch.ids, made, strict=True):
            for network, fake in zip(discriminators.scales, fakes.images, strict=True):
                features = network.trunk(fake)
                fooled = generator_loss(network.unconditional_head(features).flatten(), kind)
                fooled = fooled + generator_loss(conditional(network, features, sentence), kind)
                total = total + fooled
                losses["g"] += fooled.item()
            regions, code = image(fakes.images[-1])
            matched = torch.stack(
                text_image_losses(regions, code, words, sentence, ids == 0, batch.classes, gammas)
            ).sum()
            kl = kl_to_standard_normal(fakes.mu, fakes.logvar)
            total = total + given["damsm_weight"] * matched + given["kl_weight"] * kl
            losses["damsm"] += matched.item()
            losses["kl"] += kl.item()
            codes.append(code)
        contrastive = nt_xent(codes[0], codes[1], given["temperature"])
        total = total + given["contrastive_weight"] * contrastive
        losses["contrastive"] = contrastive.item()
        optimizer_g.zero_grad()
        total.backward()
        optimizer_g.step()
        for slow, parameter in zip(average, generator.parameters(), strict=True):
            slow.mul_(given["ema_decay"]).add_(parameter.data, alpha=1 - given["ema_decay"])
        rows.append({"step": step + 1, **losses})
        if watch is not None:
            watch(step + 1, steps, generator)
    return generator, rows


def plain_damsm(
    pack: PackedSplit,
    vocabulary: Vocabulary,
    *,
    steps: int,
    batch_size: int,
    seed: int,
    watch: Any = None,
    **given: Any,
) -> list[Row]:
    """:func:`t2i.training.damsm.train_damsm`, with the same arguments: an image passes once a caption."""
    torch.manual_seed(seed)
    of_text = ("embedding_dim", "word_dim", "dropout", "word_range", "forget_bias", "sentence")
    ours = TextEncoder(vocabulary, **{name: given[name] for name in of_text})
    kind = given["image_encoder"]
    sizes = {"embedding_dim": given["embedding_dim"]} | ({"width": given["width"]} if kind == "small" else {})
    image = build_image_encoder(kind, **sizes).train()
    text = PackedText(ours).train()
    pairs = CaptionBatches(
        pack, vocabulary, batch_size=batch_size, max_words=given["max_words"], flip=given["flip"], seed=seed
    )
    trained = [parameter for parameter in (*text.parameters(), *image.parameters()) if parameter.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=given["lr"], betas=(0.5, 0.999), foreach=False)
    gammas = (given["gamma1"], given["gamma2"], given["gamma3"])
    rows: list[Row] = []
    for step, batch in enumerate(pairs.batches(0, steps)):
        images = to_float(batch.images).contiguous()
        total = torch.zeros(())
        losses = dict.fromkeys(("words", "sentence"), 0.0)
        sentences = []
        for ids in batch.ids:
            regions, codes = image(images)
            words, sentence = text(ids)
            by_words, by_sentence = text_image_losses(regions, codes, words, sentence, ids == 0, batch.classes, gammas)
            total = total + by_words + by_sentence
            losses["words"] += by_words.item()
            losses["sentence"] += by_sentence.item()
            sentences.append(sentence)
        contrastive = nt_xent(*sentences, given["temperature"])
        total = total + given["contrastive_weight"] * contrastive
        optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(text.parameters(), given["gradient_clip"], foreach=False)
        optimizer.step()
        rows.append({"step": step + 1, **losses, "contrastive": contrastive.item()})
        if watch is not None:
            watch(step + 1, steps, None)
    return rows
