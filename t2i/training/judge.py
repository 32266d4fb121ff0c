"""Training of the judge on real images and captions."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from t2i.data.batches import CaptionBatches
from t2i.data.packed import PackedSplit
from t2i.data.pixels import to_float
from t2i.data.text.vocabulary import Vocabulary
from t2i.losses.damsm import matching_loss, sentence_scores
from t2i.models.encoders.text import SentencePooling
from t2i.models.judge import Judge
from t2i.runtime.device import Precision, autocast, current_device
from t2i.training.loop.checkpoint import CheckpointPolicy
from t2i.training.loop.loop import TrainingLoop
from t2i.training.loop.optim import Adam


def train_judge(
    pack: PackedSplit,
    vocabulary: Vocabulary,
    *,
    steps: int,
    batch_size: int,
    lr: float,
    embedding_dim: int,
    image_encoder: Mapping[str, Any],
    sentence_pooling: SentencePooling,
    max_words: int,
    flip: bool,
    gamma3: float,
    precision: Precision,
    seed: int,
    pretrained: Mapping[str, Any] | None = None,
    checkpoints: CheckpointPolicy | None = None,
) -> tuple[Judge, list[dict[str, float]]]:
    """Train a network to predict classes, attributes and matching captions of real images.

    Class head only where classes have several images; attribute heads only where the data set knows attributes.

    Args:
        image_encoder: arguments of :func:`~t2i.models.encoders.damsm.build_image_encoder`.
        sentence_pooling: of its text encoder.
        gamma3: sharpness of the softmax over the batch, as in DAMSM.
        pretrained: weights of the image encoder, see :func:`t2i.checkpoints.backbones.image_encoder_weights`.
        checkpoints: where checkpoints go, and where to go on from one.

    Returns:
        The judge in eval mode on the processor, and the loss history.
    """
    device = current_device()
    torch.manual_seed(seed)
    ids = sorted(pack.images["class_id"].unique().tolist())
    classes = ids if 2 * len(ids) <= len(pack) else []
    truth = {name: pack.images[f"true.{name}"] for name in pack.attributes}
    attributes = {name: values for name, column in truth.items() if (values := sorted(set(column) - {""}))}
    judge = Judge(
        vocabulary, classes=classes, attributes=attributes, embedding_dim=embedding_dim, image_encoder=image_encoder,
        sentence_pooling=sentence_pooling, weights=pretrained,
    ).to(device)  # fmt: skip
    judge.image.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    targets = {
        name: torch.tensor([values.index(value) if value else -100 for value in truth[name]], device=device)
        for name, values in attributes.items()
    }
    class_place = torch.full((max(ids) + 1,), -100, device=device)
    class_place[classes] = torch.arange(len(classes), device=device)

    optimizer = Adam([w for w in judge.parameters() if w.requires_grad], lr=lr, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    data = CaptionBatches(pack, vocabulary, batch_size=batch_size, max_words=max_words, flip=flip, seed=seed, views=1)
    loop = TrainingLoop("judge", steps, {"judge": judge, "optimizer": optimizer, "schedule": schedule}, checkpoints)

    judge.train()
    for step, batch in loop.batches(data):
        batch = batch.to(device)
        with autocast(precision):
            _, class_logits, codes, heads = judge.forward_all(to_float(batch.images))
            text = judge.text(batch.ids[0])
        losses = {"matching": sum(matching_loss(sentence_scores(codes, text.sentence), batch.classes, gamma3))}
        if classes:
            losses["classes"] = cross_entropy(class_logits, class_place[batch.classes])
        if attributes:
            losses["attributes"] = sum(
                _known_cross_entropy(logits, targets[name][batch.rows]) for name, logits in heads.items()
            )
        optimizer.zero_grad()
        sum(losses.values()).backward()  # type: ignore[union-attr]
        optimizer.step()
        schedule.step()
        loop.step_done(step, **losses)  # type: ignore[arg-type]
    return judge.eval().cpu(), loop.history.rows


def _known_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of those whose target is known, not -100; 0 if none is: [N, K], [N] -> []."""
    total = cross_entropy(logits, targets, reduction="sum")
    return total / (targets >= 0).sum().clamp(min=1)
