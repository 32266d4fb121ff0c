"""Contrastive pretraining of the encoders (Ye et al., section 3.1)."""

import torch
from tqdm import tqdm

from t2i import runtime
from t2i.data.captions import Vocabulary
from t2i.data.packing import Pack
from t2i.data.pairs import CaptionPairs, to_unit
from t2i.losses.damsm import damsm_losses
from t2i.losses.nt_xent import nt_xent
from t2i.models.damsm import Damsm
from t2i.training.curves import Curves


def train_damsm(
    pack: Pack,
    vocabulary: Vocabulary,
    *,
    steps: int,
    batch_size: int,
    lr: float,
    lr_floor: float,
    gradient_clip: float,
    embedding_dim: int,
    word_dim: int,
    width: int,
    dropout: float,
    word_range: float,
    forget_bias: float,
    max_words: int,
    flip: bool,
    gamma1: float,
    gamma2: float,
    gamma3: float,
    temperature: float,
    contrastive_weight: float,
    precision: runtime.Precision,
    seed: int,
) -> tuple[Damsm, list[dict[str, float]]]:
    """Train text and image encoder on pairs of captions.

    The loss is the DAMSM loss of both captions plus NT-Xent between their sentence embeddings. An image goes through
    its encoder once for both captions, and both captions go through theirs in one batch.

    Args:
        steps: of ``batch_size`` images with two captions each.
        lr, lr_floor: Adam's learning rate falls geometrically from lr to lr * lr_floor.
        gradient_clip: largest gradient norm of the text encoder.
        dropout, word_range, forget_bias: of the text encoder; 0.5, 0.1 and 0 in the paper.
        contrastive_weight: of NT-Xent; 1 in the paper.

    Returns:
        The encoders in eval mode on the processor, and the loss curves.
    """
    device = runtime.device()
    torch.manual_seed(seed)
    damsm = Damsm(
        vocabulary, embedding_dim=embedding_dim, word_dim=word_dim, width=width,
        dropout=dropout, word_range=word_range, forget_bias=forget_bias,
    ).to(device)  # fmt: skip
    damsm.image.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(damsm.parameters(), lr=lr, betas=(0.5, 0.999))
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, max(lr_floor, 1e-8) ** (1 / steps))
    pairs = CaptionPairs(pack, vocabulary, batch_size=batch_size, max_words=max_words, flip=flip, seed=seed)
    curves = Curves(every=max(1, min(25, steps // 4)))

    damsm.train()
    with tqdm(total=steps, desc="DAMSM", unit="step") as bar:
        for step, batch in enumerate(pairs.batches(0, steps)):
            batch = batch.to(device)
            with runtime.autocast(precision):
                regions, codes = damsm.image(to_unit(batch.images))
                text = damsm.text(batch.ids.flatten(0, 1))  # both captions: [2N, ...]

            word_loss = sentence_loss = torch.zeros((), device=device)
            for words, sentence, padding in zip(
                text.words.chunk(2), text.sentence.chunk(2), text.padding.chunk(2), strict=True
            ):
                by_words, by_sentence = damsm_losses(
                    regions, codes, words, sentence, padding, batch.classes, gamma1=gamma1, gamma2=gamma2, gamma3=gamma3
                )
                word_loss, sentence_loss = word_loss + by_words, sentence_loss + by_sentence
            first, second = text.sentence.chunk(2)
            contrastive = nt_xent(first, second, temperature)
            loss = word_loss + sentence_loss + contrastive_weight * contrastive

            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(damsm.text.parameters(), gradient_clip)
            optimizer.step()
            schedule.step()
            if curves.add(step, words=word_loss, sentence=sentence_loss, contrastive=contrastive):
                bar.set_postfix_str(curves.summary(), refresh=False)
            bar.update()
    return damsm.eval().cpu(), curves.rows
