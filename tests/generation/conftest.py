"""An untrained model that knows the words of the striped captions."""

import pytest
import torch

from t2i.data.text.vocabulary import Vocabulary
from t2i.generation.text_to_image import TextToImage
from t2i.models.encoders.text import TextEncoder
from tests.helpers import make_generator


@pytest.fixture
def model(vocabulary: Vocabulary) -> TextToImage:
    torch.manual_seed(0)
    return TextToImage(make_generator(), TextEncoder(vocabulary, embedding_dim=6, word_dim=5), "fp32")
