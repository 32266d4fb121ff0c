"""Text-to-image synthesis with contrastive learning.

    >>> from t2i import TextToImage
    >>> model = TextToImage.load("models/gan.pt")
    >>> images = model("a red bird", n=4, seed=0)

``import t2i`` alone imports nothing else; PyTorch is imported with the first use of a name.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from t2i.generation.text_to_image import TextToImage

__all__ = ["TextToImage"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name == "TextToImage":
        from t2i.generation.text_to_image import TextToImage

        return TextToImage
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
