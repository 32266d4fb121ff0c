"""Words <-> word ids."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np

from t2i.data.text.tokenizer import Tokens, tokenize
from t2i.errors import InputError
from t2i.files import replacing

END = "<end>"
"""Word 0 of every vocabulary: padding. No caption contains it, since tokens consist of word characters only."""

_Ids = TypeVar("_Ids", list[int], np.ndarray)


class Vocabulary:
    """The words a text encoder knows; the id of a word is its place in the list.

    Args:
        words: all different, the first one ``"<end>"`` (padding, id 0).
        tokens: rule by which captions are split into words.

    Raises:
        ValueError: two words are equal, the first is another one, or there is no such rule.
    """

    def __init__(self, words: Sequence[str], tokens: Tokens = "ascii") -> None:
        self.words = list(words)
        self.tokens = tokens
        if tokens not in get_args(Tokens):
            raise ValueError(f"tokens is {tokens!r}, legal are {', '.join(get_args(Tokens))}")
        if not self.words or self.words[0] != END:
            raise ValueError(f"the first word of a vocabulary must be {END!r}, got {self.words[:1]}")
        self._ids = {word: i for i, word in enumerate(self.words)}
        if len(self._ids) != len(self.words):
            twice = next(word for word, count in Counter(self.words).items() if count > 1)
            raise ValueError(f"the words of a vocabulary must differ, {twice!r} is there more than once")

    @classmethod
    def build(cls, token_lists: Iterable[Sequence[str]], min_count: int = 1, tokens: Tokens = "ascii") -> "Vocabulary":
        """Number the words of tokenized captions in the order of their first appearance, from 1.

        The published vocabularies come from all train captions followed by all test captions; here the caller chooses.

        Args:
            token_lists: the tokens of each caption.
            min_count: leave out words that occur less often; at least 1.
            tokens: the rule by which the captions were tokenized.
        """
        if min_count < 1:
            raise ValueError(f"min_count must be at least 1, got {min_count}")
        counts = Counter(token for tokens in token_lists for token in tokens)  # keeps the order of first appearance
        return cls([END, *(word for word, count in counts.items() if count >= min_count)], tokens)

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._ids

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and (self.words, self.tokens) == (other.words, other.tokens)

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the words in order and the rule: equal digests mean that two encoders take the same ids."""
        return hashlib.sha256(json.dumps([self.words, self.tokens]).encode("ascii")).hexdigest()

    def tokenize(self, caption: str) -> list[str]:
        """Words of a caption by the rule of this vocabulary, known or not."""
        return tokenize(caption, self.tokens)

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """Ids of the tokens; words that the vocabulary does not have are left out."""
        return [self._ids[token] for token in tokens if token in self._ids]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Words of the ids, each in [0, len(self))."""
        words = []
        for i in ids:
            if not 0 <= i < len(self.words):
                raise ValueError(f"a word id must be in [0, {len(self.words)}), got {i}")
            words.append(self.words[i])
        return words

    def unknown(self, tokens: Iterable[str]) -> list[str]:
        """Tokens that `encode` leaves out, each once, in order of appearance."""
        return list(dict.fromkeys(token for token in tokens if token not in self._ids))

    def extended(self, words: Iterable[str]) -> "Vocabulary":
        """These words with their ids, and after them those of the others that are not among them."""
        return Vocabulary([*self.words, *self.unknown(words)], self.tokens)

    def to_checkpoint(self) -> dict[str, Any]:
        """Words and rule, for a model file."""
        return {"words": self.words, "tokens": self.tokens}

    @classmethod
    def from_checkpoint(cls, content: dict[str, Any] | list[str]) -> "Vocabulary":
        """What `to_checkpoint` returned, or a list of words (ASCII), as older model files have it."""
        return cls(**content) if isinstance(content, dict) else cls(content)

    def save(self, path: Path) -> None:
        """Write a JSON file, ``{"words": [...], "tokens": ...}``, as a whole or not at all."""
        with replacing(path) as part:
            part.write_text(json.dumps(self.to_checkpoint(), indent=0) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read what `save` wrote.

        Raises:
            InputError: the file is missing or is no vocabulary.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"vocabulary {path} is not readable: run `dvc repro vocab`") from error
        except (ValueError, RecursionError) as error:  # no UTF-8, no JSON
            raise InputError(f"vocabulary {path} is not valid JSON: run `dvc repro vocab`") from error
        words = content.get("words") if isinstance(content, dict) else None
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise InputError(f'vocabulary {path} must hold {{"words": [list of strings]}}: run `dvc repro vocab`')
        try:
            return cls(words, content.get("tokens", "ascii"))
        except ValueError as error:
            raise InputError(f"vocabulary {path}: {error}: run `dvc repro vocab`") from error


def encode_captions(texts: Iterable[str], vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray]:
    """Tokenize and encode captions into two flat arrays.

    Args:
        texts: n captions.
        vocabulary: words that it does not have are left out.

    Returns:
        ids: int32, the word ids of all captions, concatenated.
        offsets: int64 [n + 1]; caption i is ``ids[offsets[i]:offsets[i + 1]]``, possibly empty.
    """
    encoded = [vocabulary.encode(vocabulary.tokenize(text)) for text in texts]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(ids) for ids in encoded], out=offsets[1:])
    return np.array([i for ids in encoded for i in ids], dtype=np.int32), offsets


def shorten(ids: _Ids, max_words: int, rng: np.random.Generator) -> _Ids:
    """Shorten a caption to at most ``max_words`` words (the published rule).

    Args:
        ids: the word ids of a caption, [L].
        max_words: at least 1.
        rng: used only if the caption is longer.

    Returns:
        The caption itself if it is short enough, else a random subset of its words in their order.
    """
    if max_words < 1:
        raise ValueError(f"max_words must be at least 1, got {max_words}")
    if len(ids) <= max_words:
        return ids
    kept = np.sort(rng.choice(len(ids), size=max_words, replace=False))
    return ids[kept] if isinstance(ids, np.ndarray) else [ids[k] for k in kept]
