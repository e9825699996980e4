"""The tensors of an ONNX file, read without the package onnx.

A reader of the messages that matter (onnx.proto: `ModelProto.graph` is field 7, `GraphProto.initializer` field 5), in
the wire format of Protocol Buffers: https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_GRAPH, _INITIALIZER = 7, 5
_DIMS, _DATA_TYPE, _FLOAT_DATA, _INT32_DATA, _NAME, _RAW_DATA = 1, 2, 4, 5, 8, 9
_TYPES = {1: "<f4", 2: "u1", 3: "i1", 6: "<i4", 7: "<i8"}


def read_tensors(data: bytes) -> dict[str, NDArray[Any]]:
    """The initializers of an ONNX model by name, as views of ``data`` where they lie in it.

    Raises `ValueError` for what is no such file, or a damaged one.
    """
    try:
        view = memoryview(data)
        graphs = [value for field, value in _fields(view) if field == _GRAPH]
        return dict(_tensor(value) for graph in graphs for field, value in _fields(graph) if field == _INITIALIZER)
    except (IndexError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"it is not a whole ONNX file ({error})") from error


def _tensor(message: memoryview) -> tuple[str, NDArray[np.generic]]:
    import numpy as np

    dims: list[int] = []
    fields: dict[int, Any] = {}
    for field, value in _fields(message):
        if field == _DIMS:
            dims += [value] if isinstance(value, int) else _varints(value)
        else:
            fields[field] = value
    name = bytes(fields[_NAME]).decode() if _NAME in fields else ""
    kind = np.dtype(_TYPES.get(fields.get(_DATA_TYPE, 0), "V1"))
    raw = fields.get(_RAW_DATA)
    if raw is not None:
        array = np.frombuffer(raw, kind)
    elif _FLOAT_DATA in fields:
        array = _floats(fields[_FLOAT_DATA])
    else:
        array = np.array(_integers(fields.get(_INT32_DATA, b"")), kind)
    if len(array) != math.prod(dims):
        raise ValueError(f"its tensor {name!r} is damaged")
    return name, array.reshape(dims)


def _floats(value: memoryview) -> NDArray[np.float32]:
    import numpy as np

    return np.frombuffer(value, "<f4")


def _integers(value: int | memoryview) -> list[int]:
    return [value] if isinstance(value, int) else _varints(value)


def _varints(value: memoryview) -> list[int]:
    numbers, position = [], 0
    while position < len(value):
        number, position = _varint(value, position)
        numbers.append(number)
    return numbers


def _fields(message: memoryview) -> Iterator[tuple[int, Any]]:
    """The fields of a message: their numbers and values (an int, or a view of the bytes)."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        kind = tag & 7
        if kind == _VARINT:
            value, position = _varint(message, position)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            length, position = _varint(message, position)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"it is not an ONNX file (wire type {kind})")
        if position + length > len(message):
            raise ValueError("it is not a whole ONNX file")
        yield tag >> 3, message[position : position + length]
        position += length


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:  # the continuation bit
            return value, position
        shift += 7
        if shift > 63:  # 64 bits
            raise ValueError("it is not an ONNX file")
