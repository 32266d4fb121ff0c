"""Pickles: plain values come through, nothing is ever run."""

import collections
import os
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t2i.errors import InputError
from t2i.sources.safe_pickle import load_pickle

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(min_size=1),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=10,
)


def opened(folder: Path, content: bytes) -> Any:
    path = folder / "some.pickle"
    path.write_bytes(content)
    return load_pickle(path)


def refusal(folder: Path, content: bytes) -> str:
    with pytest.raises(InputError) as caught:
        opened(folder, content)
    message = str(caught.value)
    assert "some.pickle" in message and "\n" not in message
    return message


@settings(deadline=None)
@given(value=PLAIN, protocol=st.sampled_from(PROTOCOLS))
def test_plain_values(tmp_path_factory: pytest.TempPathFactory, value: Any, protocol: int) -> None:
    assert opened(tmp_path_factory.getbasetemp(), pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.int64).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        np.arange(4, dtype=">i2"),
        np.array(["002.Laysan_Albatross/one", "b"]),
        np.array([b"abc", b"d"]),
        np.array([True, False]),
        np.array(2.5),
        np.array([1 + 2j]),
    ],
    ids=lambda array: str(array.dtype),
)
def test_numpy_arrays(tmp_path: Path, array: np.ndarray, protocol: int) -> None:
    same, again = opened(tmp_path, pickle.dumps([array, array], protocol))
    np.testing.assert_array_equal(same, array)
    assert same.dtype == pickle.loads(pickle.dumps(array, protocol)).dtype  # numpy itself may swap bytes
    assert same.flags.f_contiguous == array.flags.f_contiguous
    assert same is again and same.flags.writeable


@pytest.mark.parametrize("scalar", [np.int64(-3), np.float32(0.5), np.str_("bird"), np.bool_(True), np.uint8(200)])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_numpy_scalars(tmp_path: Path, scalar: Any, protocol: int) -> None:
    same = opened(tmp_path, pickle.dumps(scalar, protocol))
    assert same == scalar and type(same) is type(scalar)


def test_numpy_1_and_2_write_different_module_names(tmp_path: Path) -> None:
    content = pickle.dumps(np.arange(3), protocol=2)
    assert b"numpy._core.multiarray" in content or b"numpy.core.multiarray" in content
    for core in (b"numpy.core", b"numpy._core"):
        old = content.replace(b"numpy._core", b"numpy.core").replace(b"numpy.core", core)
        assert opened(tmp_path, old).tolist() == [0, 1, 2]


def test_pickles_of_python_2(tmp_path: Path) -> None:
    # byte strings, and an int16 array with its content in one, in protocol 2
    assert opened(tmp_path, b"\x80\x02]q\x01(U\x03a/bq\x02U\x04caf\xe9q\x03X\x03\x00\x00\x00\xe9\xb8\x9fe.") == [
        "a/b",
        "caf\xe9",
        "\u9e1f",
    ]
    array = opened(
        tmp_path,
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87Rq\x03"
        b"(K\x01K\x02\x85cnumpy\ndtype\nq\x04U\x02i2K\x00K\x01\x87Rq\x05"
        b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x04\x01\x00\xc8\x00tb.",
    )
    assert array.dtype == np.int16 and array.tolist() == [1, 200]


class Runs:
    """Calls a function when it is unpickled."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = function, args

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("function", "name"),
    [(os.system, "system"), (eval, "eval"), (exec, "exec"), (getattr, "getattr"), (__import__, "__import__")]
    + [(np.load, "numpy.load"), (pickle.loads, "loads"), (Path, "Path")],
)
def test_functions_are_refused_by_name_and_not_called(tmp_path: Path, function: Any, name: str, protocol: int) -> None:
    mark = tmp_path / "ran"
    args = {os.system: (f"touch {mark}",), eval: (f"open({str(mark)!r}, 'w')",), exec: (f"open({str(mark)!r}, 'w')",)}
    content = pickle.dumps(["bird", Runs(function, *args.get(function, ("os",)))], protocol)
    assert name.removeprefix("numpy.") in refusal(tmp_path, content)
    assert not mark.exists()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "inside",
    [
        np.array([Runs(os.system, "true"), 1], dtype=object),
        np.array([1, "bird"], dtype=object),
        np.zeros(2, dtype=[("a", "O")])[0],
        np.zeros(2, dtype=[("a", "i4"), ("b", "O")]),
        np.zeros(2, dtype=[("a", "i4")]),
        np.zeros(2, dtype="datetime64[s]"),
        collections.OrderedDict(a=1),
        slice(1),
    ],
    ids=["object", "plain-object", "void", "fields-with-objects", "fields", "datetime", "ordered-dict", "slice"],
)
def test_arrays_of_objects_and_other_classes_are_refused(tmp_path: Path, inside: Any, protocol: int) -> None:
    assert "wants" in refusal(tmp_path, pickle.dumps([inside], protocol))


def test_dotted_names_reach_no_attribute(tmp_path: Path) -> None:
    content = b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93."
    assert "numpy.ndarray.tofile" in refusal(tmp_path, content)


def dtype_pickle(state: bytes, name: bytes = b"i8") -> bytes:
    """An array of one element whose dtype gets the given state."""
    build = b"cnumpy\ndtype\n(U\x02" + name + b"K\x00K\x01tR" + state + b"b"
    return (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x01\x85" + build + b"\x89U\x08AAAAAAAAtb."
    )


MINUS = b"J\xff\xff\xff\xff"


def test_the_state_of_a_dtype_cannot_turn_numbers_into_pointers(tmp_path: Path) -> None:
    assert opened(tmp_path, dtype_pickle(b"(K\x03U\x01<NNN" + MINUS + MINUS + b"K\x00t")).tolist() == [
        int.from_bytes(b"A" * 8, "little")
    ]
    for state in (
        b"(K\x03U\x01<NNN" + MINUS + MINUS + b"K\x3ft",  # flags: holds objects
        b"(K\x03U\x01<NNNK\x10K\x08K\x00t",  # another item size
        b"(K\x03U\x01<N(U\x01at}U\x01a(cnumpy\ndtype\n(U\x02i8tRK\x00ts" + MINUS + MINUS + b"K\x00t",  # fields
        b"(K\x03U\x01<t",
        b"K\x03",
    ):
        assert "an unusual numpy type" in refusal(tmp_path, dtype_pickle(state))
    assert "numpy array of type" in refusal(tmp_path, dtype_pickle(b"(K\x03U\x01|NNN" + MINUS * 2 + b"K\x3ft", b"O8"))


@pytest.mark.parametrize("shape", [b"K\x02\x85", b"J\xff\xff\xff\xff\x85", b"N", b"K\x01"])
def test_the_shape_of_an_array_must_fit_its_bytes(tmp_path: Path, shape: bytes) -> None:
    content = dtype_pickle(b"(K\x03U\x01<NNN" + MINUS + MINUS + b"K\x00t")
    content = content.replace(b"(K\x01K\x01\x85", b"(K\x01" + shape)
    assert "damaged" in refusal(tmp_path, content)


def test_the_state_of_anything_else_cannot_be_set(tmp_path: Path) -> None:
    for target in (b"cnumpy\ndtype\n", b"c_codecs\nencode\n", b"]", b"U\x01a"):
        assert "set the state" in refusal(tmp_path, b"\x80\x02" + target + b"}U\x01aK\x01sb.")


def test_damaged_pickles(tmp_path: Path) -> None:
    content = pickle.dumps([np.arange(5), "bird", 2.5, {"a": (1, 2)}], protocol=4)
    pickletools.dis(content, out=open(os.devnull, "w"))
    for end in range(len(content)):
        refusal(tmp_path, content[:end])
    for other in (b"not a pickle", b"\x80\xff.", b"\x80\x04\x95" + b"\xff" * 8, b"\x96" + b"\x7f" * 8, b"Pid\n."):
        assert "damaged" in refusal(tmp_path, other)


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_random_bytes_never_fail_in_another_way(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    try:
        opened(tmp_path_factory.getbasetemp(), content)
    except InputError as error:
        assert "\n" not in str(error)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none.pickle cannot be read"):
        load_pickle(tmp_path / "none.pickle")
