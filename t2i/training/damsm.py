"""Contrastive pretraining of the encoders (Ye et al., section 3.1)."""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from t2i.data.batches import Batch, CaptionBatches
from t2i.data.packed import PackedSplit
from t2i.data.pixels import to_float
from t2i.data.text.vocabulary import Vocabulary
from t2i.losses.damsm import Negatives, matching_sum, sentence_scores, word_scores
from t2i.losses.nt_xent import nt_xent
from t2i.models.encoders.damsm import Damsm, build_image_encoder
from t2i.models.encoders.text import Text, TextEncoder
from t2i.runtime import distributed
from t2i.runtime.device import Precision, autocast, current_device
from t2i.runtime.sync_batch_norm import convert_sync_batchnorm
from t2i.training.loop.checkpoint import CheckpointPolicy, Stateful
from t2i.training.loop.loop import TrainingLoop
from t2i.training.loop.optim import Adam

NegativeSet = Literal["view", "batch"]
Reset = Literal["epoch", "never"]


def train_damsm(
    pack: PackedSplit,
    vocabulary: Vocabulary,
    *,
    captions_per_image: int,
    batch_size: int,
    max_words: int,
    flip: bool,
    embedding_dim: int,
    text_encoder: Mapping[str, Any],
    image_encoder: Mapping[str, Any],
    losses: Mapping[str, Any],
    optimizer: Mapping[str, Any],
    precision: Precision,
    seed: int,
    steps: int | None = None,
    epochs: int | None = None,
    pretrained: Mapping[str, Any] | None = None,
    start: dict[str, Any] | None = None,
    checkpoints: CheckpointPolicy | None = None,
) -> tuple[Damsm, list[dict[str, float]]]:
    """Train text and image encoder on images with several captions each.

    An image passes its encoder once for all its captions, and all captions pass theirs in one batch. Several processes
    share out the images of a step; each encodes all captions, which cost little beside them.

    Args:
        captions_per_image: V of each image in a step. The first two enter all losses; more, which cost little, enter
            the sentence-level loss alone. With 1 there is no pair to contrast: the encoders of AttnGAN and DM-GAN.
        embedding_dim: D of both encoders.
        text_encoder: arguments of :class:`~t2i.models.encoders.text.TextEncoder`.
        image_encoder: arguments of :func:`~t2i.models.encoders.damsm.build_image_encoder`.
        losses: arguments of :class:`DamsmObjective`.
        optimizer: arguments of :class:`DamsmOptimizer`.
        steps, epochs: length of the training; one of both. 0: the encoders stay as they start.
        pretrained: weights of the image encoder, see :func:`t2i.checkpoints.backbones.image_encoder_weights`.
        start: contents of a model file with encoders of these sizes to go on from; their words begin ``vocabulary``.
        checkpoints: where checkpoints go, and where to go on from one.

    Returns:
        The encoders in eval mode on the processor, and the loss history.
    """
    # ---- Networks ----
    device = current_device()
    torch.manual_seed(seed)
    text = TextEncoder(vocabulary, embedding_dim=embedding_dim, **text_encoder)
    image = build_image_encoder(embedding_dim=embedding_dim, **image_encoder, weights=pretrained)
    damsm = Damsm(text, image).to(device)
    if start is not None:
        damsm.load_start(start)
    convert_sync_batchnorm(damsm)
    damsm.image.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    # ---- Data, losses and optimizer ----
    data = CaptionBatches(
        pack, vocabulary, batch_size=batch_size, max_words=max_words, flip=flip, seed=seed,
        views=captions_per_image, rows=distributed.local_rows(batch_size),
    )  # fmt: skip
    num_steps = data.num_steps(steps, epochs)
    objective = DamsmObjective(damsm, precision=precision, **losses)
    updates = DamsmOptimizer(damsm, steps=num_steps, steps_per_epoch=data.steps_per_epoch, **optimizer)
    parts: dict[str, Stateful] = {"damsm": damsm, "optimizer": updates.optimizer, "schedule": updates.schedule}
    loop = TrainingLoop("DAMSM", num_steps, parts, checkpoints)

    damsm.train()
    for step, batch in loop.batches(data):
        terms = objective.step(batch.to(device))
        updates.step()
        loop.step_done(step, **terms)
    return damsm.eval().cpu(), loop.history.rows


class DamsmObjective:
    """DAMSM loss of all captions plus NT-Xent between the sentence embeddings of the first two.

    (The published script of AttnGAN + CL contrasts each sentence with itself; that of DM-GAN + CL the two, as here.)

    Args:
        negatives: what the sentence-level loss contrasts an image's caption with: those of other images in the same
            "view", N in all, as published, or all V N of the "batch".
        damsm_lambda: weight of NT-Xent; 1 in the paper.
        temperature: of NT-Xent.
        gamma1, gamma2, gamma3: see :mod:`t2i.losses.damsm`.
    """

    def __init__(
        self,
        encoders: Damsm,
        *,
        precision: Precision,
        negatives: NegativeSet,
        damsm_lambda: float,
        temperature: float,
        gamma1: float,
        gamma2: float,
        gamma3: float,
    ) -> None:
        self.encoders, self.precision, self.negatives = encoders, precision, negatives
        self.damsm_lambda, self.temperature = damsm_lambda, temperature
        self.gamma1, self.gamma2, self.gamma3 = gamma1, gamma2, gamma3

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Gradients of both encoders; returns the losses.

        The sentence-level loss of more than two views is twice its mean: the sum over two, as published.
        """
        with autocast(self.precision):
            regions, codes = self.encoders.image(to_float(batch.images))
            text: Text = self.encoders.text(batch.ids.flatten(0, 1))  # all captions: [V N, ...]
        sentences, words, padding = (t.chunk(len(batch.ids)) for t in (text.sentence, text.words, text.padding))
        with autocast(self.precision):
            by_words = [
                word_scores(regions, w, p, gamma1=self.gamma1, gamma2=self.gamma2)
                for w, p in zip(words[:2], padding[:2], strict=True)
            ]
        others, by_sentence = [], []
        for view, own in enumerate(sentences):
            others.append(more := self._other_views(sentences, view, batch))
            by_sentence.append(sentence_scores(codes, own, more))
        scores = distributed.all_gather([*by_words, *by_sentence], len(batch.classes))
        losses = [
            matching_sum(each, batch.classes, self.gamma3, more)
            for each, more in zip(scores, [*(None for _ in by_words), *others], strict=True)
        ]
        terms = {
            "words": torch.stack(losses[: len(by_words)]).sum(),
            "sentence": min(2, len(sentences)) * torch.stack(losses[len(by_words) :]).mean(),
        }
        loss = terms["words"] + terms["sentence"]
        if len(sentences) > 1:
            terms["contrastive"] = nt_xent(sentences[0], sentences[1], self.temperature)
            loss = loss + self.damsm_lambda * terms["contrastive"]
        loss.backward()
        return terms

    def _other_views(self, sentences: tuple[Tensor, ...], view: int, batch: Batch) -> Negatives | None:
        """Captions of all other views as extra negatives, or none."""
        if self.negatives == "view" or len(sentences) == 1:
            return None
        others = torch.cat((*sentences[:view], *sentences[view + 1 :]))
        return Negatives(others, batch.classes.repeat(len(sentences) - 1))


class DamsmOptimizer:
    """Adam with the text encoder's gradients clipped and a falling learning rate.

    Args:
        lr: initial learning rate.
        lr_decay: the learning rate is multiplied by it after each epoch until it is lr * lr_min_ratio; None: it falls
            geometrically to there over the whole training.
        gradient_clip: largest gradient norm of the text encoder.
        reset: "epoch": each epoch starts with new moments, as published, where Adam is made anew; "never": moments are
            kept.
    """

    def __init__(
        self,
        encoders: Damsm,
        *,
        steps: int,
        steps_per_epoch: int,
        lr: float,
        lr_decay: float | None,
        lr_min_ratio: float,
        gradient_clip: float,
        reset: Reset,
    ) -> None:
        self.encoders, self.gradient_clip = encoders, gradient_clip
        self.reset_every = steps_per_epoch if reset == "epoch" else None
        floor, total = max(lr_min_ratio, 1e-8), max(1, steps)

        def lr_factor(step: int) -> float:
            return floor ** (step / total) if lr_decay is None else max(floor, lr_decay ** (step // steps_per_epoch))

        self.optimizer = Adam([w for w in encoders.parameters() if w.requires_grad], lr=lr, betas=(0.5, 0.999))
        self.schedule = LambdaLR(self.optimizer, lr_factor)

    def step(self) -> None:
        """Update the encoders and free their gradients."""
        distributed.average_gradients(self.encoders)
        torch.nn.utils.clip_grad_norm_(self.encoders.text.parameters(), self.gradient_clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.schedule.step()
        if self.reset_every is not None and self.schedule.last_epoch % self.reset_every == 0:
            self.optimizer.state.clear()  # the schedule counts steps, and knows their number after a resumption
