"""Constants of losses as inputs of compiled networks: one program serves all their values.

A loss is a function that reads what it needs (class shares, margins, an exponent) from its
closure. Compiled in, each value would need a program of its own: one per seed for class shares,
one per trial of a search for an exponent.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterator, Sequence
from types import CellType, FunctionType
from typing import Any

import numpy as np

from benchmark.protocol.arrays import Array
from benchmark.protocol.strategy import RowLoss


def meaning(value: Any, constants: bool = True) -> Hashable:
    """Return a key that is equal for functions of the same code over equal values.

    A closure holds the values that it uses and no others: a loss that does not read the priors
    has the same key under all priors.

    Args:
        constants: whether different constants make a different key.
    """
    if inspect.isfunction(value):
        # a function that calls itself is in its own closure
        used = [item for item in _used(value) if item is not value]
        return value.__code__, tuple(meaning(item, constants) for item in used)
    if not constants and _is_constant(value):
        return ("constant", np.shape(value))
    if isinstance(value, np.ndarray):
        return (value.shape, value.dtype.str, value.tobytes())
    try:
        hash(value)
    except TypeError:
        return Itself(value)
    return (type(value), value)


class Itself:
    """Key that is equal for the same object alone, which it keeps alive."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Itself) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def constants_of(loss: RowLoss) -> list[Array]:
    """Return the constants that a loss reads, and the functions that it calls, as float32."""
    return [np.asarray(value, np.float32) for value in _constants(loss)]


def with_constants(loss: RowLoss, constants: Sequence[Any]) -> RowLoss:
    """Return the loss with other constants, in the order of `constants_of`: tensors, say."""
    following = iter(constants)
    return _rebuilt(loss, lambda: next(following))


def takes_tensors(loss: RowLoss, classes: int) -> bool:
    """Return whether a loss can be traced with its constants as tensors.

    Not if it branches on one in Python, or calls NumPy with one.
    """
    import tensorflow as tf

    rows = tf.TensorSpec((None, classes), tf.float32)
    shapes = [tf.TensorSpec(value.shape, tf.float32) for value in constants_of(loss)]

    @tf.function  # type: ignore[untyped-decorator]
    def traced(targets: Any, logits: Any, constants: Any) -> Any:
        return with_constants(loss, constants)(targets, logits)

    try:
        traced.get_concrete_function(rows, rows, shapes)
    except Exception:  # whatever a person's loss raises: without tensors it may not
        return False
    return True


def _used(function: Callable[..., Any]) -> list[Any]:
    cells = [cell.cell_contents for cell in function.__closure__ or ()]  # type: ignore[attr-defined]
    defaults = function.__defaults__ or ()  # type: ignore[attr-defined]
    return [*cells, *defaults, *(function.__kwdefaults__ or {}).values()]  # type: ignore[attr-defined]


def _is_constant(value: Any) -> bool:
    floating = isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating)
    return floating or isinstance(value, (float, np.floating))


def _constants(value: Any) -> Iterator[Any]:
    if inspect.isfunction(value):
        for item in _used(value):
            if item is not value:
                yield from _constants(item)
    elif _is_constant(value):
        yield value


def _rebuilt(value: Any, following: Callable[[], Any]) -> Any:
    """Return a function over new constants, any other value as it is."""
    if _is_constant(value):
        return following()
    if not inspect.isfunction(value):
        return value
    own = CellType()  # for a function that calls itself
    cells = tuple(
        own if cell.cell_contents is value else CellType(_rebuilt(cell.cell_contents, following))
        for cell in value.__closure__ or ()
    )
    defaults = tuple(_rebuilt(item, following) for item in value.__defaults__ or ())
    named = {name: _rebuilt(item, following) for name, item in (value.__kwdefaults__ or {}).items()}
    made = FunctionType(value.__code__, value.__globals__, value.__name__, defaults or None, cells)
    made.__kwdefaults__ = named or None  # type: ignore[assignment]
    own.cell_contents = made
    return made
