"""Read a data set once and pack it: the only stage that sees raw data."""

import logging
from dataclasses import asdict

from t2i.check.reading import contents_of, empty_problems, pack_arguments, read_dataset
from t2i.check.requirements import class_problems
from t2i.data.packed import DAMSM_FOLDER
from t2i.errors import InputError
from t2i.params import Params
from t2i.pipeline.run import PREPARED, run, write_metrics
from t2i.sources.pack_writer import min_bytes, pack, packed_sides

log = logging.getLogger(__name__)


def main(params: Params) -> None:
    """data/<data> -> prepared/."""
    splits, missing = read_dataset(params)
    for line in missing.new_lines():
        log.warning(line)
    if problems := empty_problems(splits, params, missing) + class_problems(contents_of(splits)):
        raise InputError("; ".join(problems))
    arguments = pack_arguments(params)
    sides = packed_sides(**arguments).values()
    images, megabytes = sum(map(len, splits.values())), min_bytes(splits, *sides) / 1e6
    log.info("packing %s images: %s MB or more in %s/", f"{images:,}", f"{megabytes:,.0f}", PREPARED)
    report = pack(
        splits,
        PREPARED,
        **arguments,
        processes=params.runtime.preprocess_workers,
        missing_items=missing,
    )
    for line in missing.new_lines():
        log.warning(line)
    counts = {
        name: {"images": split["images"], "captions": split["captions"], "bytes": sum(split["shards"])}
        for name, split in report["splits"].items()
    }
    facts = {key: report[key] for key in ("image_size", "resize_ratio", "side", "classes", "attributes")}
    facts["resizing"] = asdict(arguments["resizing"])
    if DAMSM_FOLDER in report:
        facts[DAMSM_FOLDER] = {key: report[DAMSM_FOLDER][key] for key in ("image_size", "side", "bytes")}
    write_metrics("preprocess", {"data": params.data, **facts, "splits": counts, "left_out": missing.report()})


if __name__ == "__main__":
    run(main)
