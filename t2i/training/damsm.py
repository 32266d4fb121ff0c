"""Contrastive pretraining of the encoders (Ye et al., section 3.1)."""

from typing import Any, Literal

import torch
from torch import Tensor

from t2i import distributed, runtime
from t2i.data.captions import Vocabulary
from t2i.data.pack import Pack
from t2i.data.pairs import CaptionPairs
from t2i.data.pixels import to_unit
from t2i.losses.damsm import Candidates, sentence_loss, word_loss
from t2i.losses.nt_xent import nt_xent
from t2i.models.batch_norm import synchronise
from t2i.models.damsm import Damsm, ImageEncoderKind, build_image_encoder
from t2i.models.inception import InceptionImageEncoder
from t2i.models.text_encoder import Sentence, TextEncoder
from t2i.training.adam import Adam
from t2i.training.steps import Resume, Steps

CandidateCaptions = Literal["view", "batch"]


def train_damsm(
    pack: Pack,
    vocabulary: Vocabulary,
    *,
    steps: int | None,
    epochs: int | None,
    batch_size: int,
    captions: int,
    candidates: CandidateCaptions,
    lr: float,
    lr_decay: float | None,
    lr_floor: float,
    gradient_clip: float,
    embedding_dim: int,
    word_dim: int,
    image_encoder: ImageEncoderKind,
    width: int,
    inception_body: dict[str, Any] | None,
    dropout: float,
    word_range: float,
    forget_bias: float,
    sentence: Sentence,
    max_words: int,
    flip: bool,
    gamma1: float,
    gamma2: float,
    gamma3: float,
    temperature: float,
    contrastive_weight: float,
    precision: runtime.Precision,
    seed: int,
    resume: Resume | None = None,
) -> tuple[Damsm, list[dict[str, float]]]:
    """Train text and image encoder on pairs of captions.

    The loss is the DAMSM loss of both captions plus NT-Xent between their sentence embeddings. An image goes through
    its encoder once for all its captions, and all captions go through theirs in one batch. Several processes share out
    the images of a step; each encodes all captions, which cost little beside them.

    Args:
        steps, epochs: of ``batch_size`` images; one of both, the other is None.
        captions: V of each image in a step, 2 or more. The first two enter all losses; more, which cost little, enter
            the sentence-level loss alone, which is twice the mean over captions: the sum over two, as published.
        candidates: what the sentence-level loss tells an image's caption from: those of other images in the same
            "view", N in all, as published, or all V N of the "batch".
        lr, lr_decay, lr_floor: Adam's learning rate is multiplied by lr_decay after each epoch until it is
            lr * lr_floor; None: it falls geometrically to there over the whole training.
        gradient_clip: largest gradient norm of the text encoder.
        image_encoder, width: the small encoder with so many channels, or Inception-v3, which has no width.
        inception_body: pretrained weights of Inception-v3, in torchvision's names.
        dropout, word_range, forget_bias, sentence: of the text encoder; 0.5, 0.1, 0 and "last" in the paper.
        contrastive_weight: of NT-Xent; 1 in the paper.
        resume: where checkpoints go, and where to go on from one.

    Returns:
        The encoders in eval mode on the processor, and the loss curves.
    """
    device = runtime.device()
    torch.manual_seed(seed)
    text_encoder = TextEncoder(
        vocabulary, embedding_dim=embedding_dim, word_dim=word_dim,
        dropout=dropout, word_range=word_range, forget_bias=forget_bias, sentence=sentence,
    )  # fmt: skip
    sizes = {"embedding_dim": embedding_dim} | ({"width": width} if image_encoder == "small" else {})
    damsm = Damsm(text_encoder, build_image_encoder(image_encoder, **sizes)).to(device)
    if isinstance(damsm.image, InceptionImageEncoder) and inception_body is not None:
        damsm.image.load_body(inception_body)
    synchronise(damsm)
    damsm.image.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    pairs = CaptionPairs(
        pack, vocabulary, batch_size=batch_size, max_words=max_words, flip=flip, seed=seed, views=captions,
        own=distributed.own_rows(batch_size),
    )  # fmt: skip
    steps = pairs.steps(steps, epochs)
    trained = [parameter for parameter in damsm.parameters() if parameter.requires_grad]
    optimizer = Adam(trained, lr=lr, betas=(0.5, 0.999))
    floor = max(lr_floor, 1e-8)

    def share(step: int) -> float:  # of the learning rate
        return floor ** (step / steps) if lr_decay is None else max(floor, lr_decay ** (step // pairs.steps_an_epoch))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
    run = Steps("DAMSM", steps, {"damsm": damsm, "optimizer": optimizer, "schedule": schedule}, resume)

    damsm.train()
    for step, batch in run.batches(pairs):
        batch = batch.to(device)
        with runtime.autocast(precision):
            regions, codes = damsm.image(to_unit(batch.images))
            text = damsm.text(batch.ids.flatten(0, 1))  # all captions: [V N, ...]

        sentences, words, padding = (t.chunk(captions) for t in (text.sentence, text.words, text.padding))
        with runtime.autocast(precision):
            by_words = [
                word_loss(regions, w, p, batch.classes, gamma1=gamma1, gamma2=gamma2, gamma3=gamma3)
                for w, p in zip(words[:2], padding[:2], strict=True)
            ]
        by_sentence = [
            sentence_loss(codes, own, batch.classes, gamma3, _others(sentences, view, batch.classes, candidates))
            for view, own in enumerate(sentences)
        ]
        losses = {
            "words": torch.stack(by_words).sum(),
            "sentence": 2 * torch.stack(by_sentence).mean(),
            "contrastive": nt_xent(sentences[0], sentences[1], temperature),
        }
        loss = losses["words"] + losses["sentence"] + contrastive_weight * losses["contrastive"]

        optimizer.zero_grad()
        loss.backward()
        distributed.average_gradients(damsm)
        torch.nn.utils.clip_grad_norm_(damsm.text.parameters(), gradient_clip)
        optimizer.step()
        schedule.step()
        run.done(step, **losses)
    return damsm.eval().cpu(), run.curves.rows


def _others(
    sentences: tuple[Tensor, ...], view: int, classes: Tensor, candidates: CandidateCaptions
) -> Candidates | None:
    """What captions of a view compete with beside each other: those of all other views, or nothing."""
    if candidates == "view":
        return None
    return Candidates(torch.cat((*sentences[:view], *sentences[view + 1 :])), classes.repeat(len(sentences) - 1))
