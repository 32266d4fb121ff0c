"""MS-COCO's files of captions: what is wrong in them is named by entry."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from t2i.errors import InputError
from t2i.sources import coco
from tests.sources.small_coco import change, make


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": 3}, "must hold 'images', a list of objects with id, file_name: get it again"),
        ({"images": None}, "must hold 'images'"),
        ({"annotations": {"0": "a bird"}}, "must hold 'annotations', a list of objects with id, image_id, caption"),
        (
            {"images": [{"id": 0, "file_name": "x.jpg"}, {"id": "1", "file_name": "x.jpg"}]},
            "^entry 2 of 'images' in .*captions_train2017.json has '1' as id, which must be a whole number: correct it",
        ),
        ({"images": [{"id": 0.0, "file_name": "x.jpg"}]}, "has 0.0 as id, which must be a whole number"),
        ({"images": [{"id": True, "file_name": "x.jpg"}]}, "has True as id, which must be a whole number"),
        ({"images": [{"id": 0}]}, "entry 1 of 'images' in .* lacks file_name, which must be text"),
        ({"images": [{"id": 0, "file_name": 7}]}, "has 7 as file_name, which must be text"),
        ({"images": [{"id": 0, "flickr_url": "http://x/y.jpg", "coco_url": "http://x/"}]}, "lacks file_name"),
        ({"images": [3]}, "entry 1 of 'images' in .* lacks id"),
        ({"annotations": [{"id": 1}]}, "entry 1 of 'annotations' in .* lacks image_id"),
        (
            {"annotations": [{"id": 1, "image_id": "0", "caption": "a"}]},
            "has '0' as image_id, which must be a whole num",
        ),
        ({"annotations": [{"id": 1, "image_id": 0, "caption": None}]}, "lacks caption, which must be text"),
        ({"annotations": [{"id": 1, "image_id": 0, "bbox": [1]}]}, "lacks caption, which must be text"),
        ({"images": [{"id": 0, "file_name": "../x.jpg"}]}, 'lists the file .* which leads out of its folder with ".."'),
        ({"images": [{"id": 0, "file_name": "/etc/x.jpg"}]}, "which is an absolute path: correct it"),
        ({"images": [{"id": 0, "file_name": "x\0.jpg"}]}, "which has a NUL character"),
        ({"images": [{"id": 0, "file_name": "a.jpg"}]}, r"1 image of .* without a file in .*train2017 or .* \(a.jpg\)"),
        ({"images": [{"id": 0, "file_name": "val2017/0.jpg"}]}, "without a file"),
        ({"annotations": []}, "3 images of the train split without a caption in .*captions_train2017.json"),
        (
            {"annotations": [{"id": i, "image_id": i, "caption": " ... "} for i in range(3)]},
            "3 images of the train split without a caption that has a word",
        ),
        (
            {"images": [{"id": 0, "file_name": f"{i:012d}.jpg"} for i in range(2)]},
            r"1 image of .*train2017.json with the number of another image \(000000000001.jpg\)",
        ),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    folder = make(tmp_path / "coco")
    change(folder, **changed)
    with pytest.raises(InputError, match=message) as caught:
        coco.read(folder, captions_per_image=2)
    assert "\n" not in str(caught.value)


def test_file_names_from_addresses_and_files_in_other_encodings(tmp_path: Path) -> None:
    folder = make(tmp_path / "coco")
    address = "http://images.cocodataset.org/train2017/{:012d}.jpg?x=1"
    change(folder, images=[{"id": i, "coco_url": address.format(i)} for i in range(3)])
    path = folder / "annotations" / "captions_train2017.json"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path.write_text(json.dumps(json.loads(path.read_bytes())), encoding=encoding)
        names = [record.name for record in coco.read(folder, captions_per_image=2)["train"]]
        assert names == [f"train2017/{i:012d}" for i in range(3)]


@pytest.mark.parametrize(
    "name", ["a\u202fb.jpg", "\u3000.jpg", "\U0001f469\u200d\U0001f4bb.jpg", "a b\n.jpg", "u\u0308.jpg"]
)
def test_names_that_a_file_system_allows(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path / "coco")
    (folder / "train2017" / f"{0:012d}.jpg").rename(folder / "train2017" / name)
    listed = [unicodedata.normalize("NFC", name), f"{1:012d}.jpg", f"{2:012d}.jpg"]
    change(folder, images=[{"id": i, "file_name": file_name} for i, file_name in enumerate(listed)])
    assert coco.read(folder, captions_per_image=2)["train"][0].load().size == (20, 10)
