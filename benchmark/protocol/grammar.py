"""Grammar of strategies and settings as users write them: ``oversample+focal(gamma=2)``."""

from __future__ import annotations

import ast
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_origin

from benchmark.protocol import arguments
from benchmark.protocol.chain import chain
from benchmark.protocol.errors import UserError
from benchmark.protocol.registry import strategies, task
from benchmark.protocol.strategy import POSTHOC_SLOTS, SLOTS, TRAINING_SLOTS, Strategy, changed

LONGEST_LABEL = 200  # characters; tracking stores hold 250 in a run's name


@dataclass(frozen=True)
class StrategySpec:
    """A strategy as written in full, and the record of functions that it stands for.

    Attributes:
        text: with defaults spelled out, e.g. ``oversample(ratio=1)+threshold(beta=1)``.
        label: the shortest text of the same meaning, for tables and charts.
        training: text of the parts that change training; "none" without any.
        strategy: the record itself.
        training_modules: modules that define the training parts.
        decision_modules: modules that define the post-hoc parts.
    """

    text: str
    label: str
    training: str
    strategy: Strategy
    training_modules: tuple[str, ...]
    decision_modules: tuple[str, ...]


def settings(task_name: str, text: str) -> Any:
    """Read the settings of a task from ``imbalance=20 model=compact``.

    Quotes keep a value together: ``target='Claim made'``.

    Raises:
        UserError: for an unknown setting or a value that is not allowed.
    """
    where = f"task {task_name!r}"
    given: dict[str, str] = {}
    for word in split_words(text, where):
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise UserError(f"{where}: settings are written name=value, not {word!r}")
        if name in given:
            raise UserError(f"{where}: {name} is given twice")
        given[name] = value
    kind = task(task_name).settings
    return kind(**arguments.bind(kind, given, where))


def per_model(text: str) -> list[str]:
    """Return settings with one model each: ``target=y model=mlp,hgb`` is two of them.

    Raises:
        UserError: if a quote is not closed, or a model is named twice.
    """
    given: list[list[str]] = []
    for word in split_words(text, "--settings"):
        if "=" in word or not given:
            given.append([word])
        else:
            given[-1].append(word)
    models = next((words for words in given if words[0].startswith("model=")), [])
    others = [words for words in given if words is not models]
    if len(models) < 2 or any(len(words) > 1 or "=" not in words[0] for words in others):
        return [text]  # what cannot be read is found out where settings are
    names = [word.removeprefix("model=") for word in models]
    if len(set(names)) < len(names):
        raise UserError(f"--settings: a model is named twice in model={','.join(names)}")
    rest = dict(words[0].split("=", 1) for words in others)
    return [arguments.as_text({**rest, "model": name}, " ") for name in names]


def split_words(text: str, where: str) -> list[str]:
    """Split text at spaces and commas outside of quotes.

    Raises:
        UserError: if a quote is not closed.
    """
    reader = shlex.shlex(text, posix=True)
    reader.whitespace += ","
    reader.whitespace_split = True
    reader.commenters = reader.escape = ""
    try:
        return list(reader)
    except ValueError:
        raise UserError(f"{where}: a quote is not closed in the settings {text!r}") from None


def read_list(text: str) -> list[StrategySpec]:
    """Read strategies separated by commas: ``none, oversample(ratio=0.5)+focal``, or ``all``.

    Raises:
        UserError: for text that cannot be read, unknown names, values out of bounds, strategies
            that cannot be joined, or one that is given twice.
    """
    tree = _parse(", ".join(strategies()) if text.strip() == "all" else text)
    nodes = tree.elts if isinstance(tree, ast.Tuple) and tree.elts else [tree]
    specs = [_spec(node) for node in nodes]
    texts = [spec.text for spec in specs]
    for spec in specs:
        if texts.count(spec.text) > 1:
            raise UserError(f"strategy {spec.label!r} is given twice")
    return specs


def read(text: str) -> StrategySpec:
    """Read one strategy, e.g. ``oversample(ratio=0.5)+threshold``."""
    return _spec(_parse(text))


@dataclass(frozen=True)
class Call:
    """A part of a strategy as written: only the arguments that are given."""

    name: str
    function: Callable[..., Strategy]
    given: Mapping[str, str]


def calls(text: str) -> list[Call]:
    """Return the parts that `+` joins in one strategy."""
    return [_call(operand) for operand in _operands(_parse(text))]


@dataclass(frozen=True)
class _Part:
    """A part of a strategy, its arguments bound."""

    text: str
    label: str
    modules: tuple[str, ...]
    strategy: Strategy


def _parse(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UserError(
            f"cannot read strategies {text[:60]!r}: write them like none, smote(k=3)+threshold"
        ) from None


def _spec(node: ast.expr) -> StrategySpec:
    parts = [_part(operand) for operand in _operands(node)]
    # "oversample+none" is "oversample"
    parts = [part for part in parts if changed(part.strategy, SLOTS)] or parts[:1]
    label = "+".join(part.label for part in parts)
    if len(label) > LONGEST_LABEL:
        raise UserError(
            f"strategy {label[:40]!r}... is {len(label)} characters long: "
            f"the name of a run has room for {LONGEST_LABEL}, leave some arguments out"
        )
    try:
        whole = chain(*(part.strategy for part in parts))
    except UserError as error:
        raise UserError(f"strategy {label!r}: {error}") from None
    training = [part for part in parts if changed(part.strategy, TRAINING_SLOTS)]
    decision = [part for part in parts if changed(part.strategy, POSTHOC_SLOTS)]
    return StrategySpec(
        text="+".join(part.text for part in parts),
        label=label,
        training="+".join(part.text for part in training) or "none",
        strategy=whole,
        training_modules=_modules_of(training),
        decision_modules=_modules_of(decision),
    )


def _modules_of(parts: Sequence[_Part]) -> tuple[str, ...]:
    return tuple(sorted({module for part in parts for module in part.modules}))


def _operands(node: ast.expr) -> list[ast.expr]:
    operands: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        operands = _operands(node.right) + operands
        node = node.left
    return [node, *operands]


def _call(node: ast.expr) -> Call:
    call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
    if not isinstance(call.func, ast.Name):
        raise UserError(f"cannot read strategy {ast.unparse(node)!r}: expected a name")
    name = call.func.id
    if name not in strategies():
        raise UserError(f"unknown strategy {name!r}: {arguments.suggest(name, strategies())}")
    function = strategies()[name]
    positional = dict(zip(_positional(function), call.args, strict=False))
    if len(positional) < len(call.args):
        example = f"{name}({arguments.describe(function)})"
        raise UserError(f"strategy {name!r}: name its arguments, e.g. {example}")
    written = [*positional.items(), *((word.arg or "**", word.value) for word in call.keywords)]
    given = {argument: _value(value) for argument, value in written}
    if len(given) < len(written):
        raise UserError(f"strategy {name!r}: an argument is given twice in {ast.unparse(node)!r}")
    return Call(name, function, given)


def _part(node: ast.expr) -> _Part:
    call = _call(node)
    name, function = call.name, call.function
    defaults = _taking_strategies(function)
    inner = {key: _inner(name, call.given.get(key, text)) for key, text in defaults.items()}
    plain = {key: value for key, value in call.given.items() if key not in inner}
    bound = arguments.bind(function, plain, f"strategy {name!r}")
    labels = {
        key: defaults[key] if spec.text == read(defaults[key]).text else spec.label
        for key, spec in inner.items()
    }
    chosen = arguments.without_defaults(function, bound | labels)
    chosen |= {key: bound[key] for key in _first_choice(function)}
    try:
        strategy = function(**bound | {key: spec.strategy for key, spec in inner.items()})
    except UserError as error:
        raise UserError(f"strategy {name!r}: {error}") from None
    modules = {function.__module__}.union(*(spec.training_modules for spec in inner.values()))
    return _Part(
        text=_format_call(function, bound | {key: spec.text for key, spec in inner.items()}),
        label=_format_call(function, chosen),
        modules=tuple(modules),
        strategy=strategy,
    )


def _taking_strategies(function: Callable[..., Strategy]) -> dict[str, str]:
    """Return name -> default of the arguments that are strategies themselves; they come first."""
    declared = arguments.parameters(function)
    return {name: default for name, (kind, default) in declared.items() if kind is Strategy}


def _first_choice(function: Callable[..., Strategy]) -> list[str]:
    """Return the name of the first argument if it is one of several words: it is always shown."""
    declared = arguments.parameters(function)
    return [name for name, (kind, _) in list(declared.items())[:1] if get_origin(kind) is Literal]


def _positional(function: Callable[..., Strategy]) -> list[str]:
    """Return the arguments that are written without their names."""
    return [*_taking_strategies(function), *_first_choice(function)]


def _inner(outer: str, text: str) -> StrategySpec:
    """Read a strategy that is an argument of another strategy."""
    for call in calls(text):
        if _taking_strategies(call.function):
            raise UserError(
                f"strategy {outer!r}: {call.name} cannot be its argument: join them with +"
            )
    return read(text)


def _value(node: ast.expr) -> str:
    try:
        return str(node.value) if isinstance(node, ast.Constant) else ast.unparse(node)
    except RecursionError:
        raise UserError("cannot read strategies that are nested so deeply") from None


def _format_call(function: Callable[..., Strategy], given: Mapping[str, Any]) -> str:
    """Format a call as users write it; see `_positional`.

    What is not given by default (None) is left out.
    """
    unnamed = _positional(function)
    first = [str(given[name]) for name in unnamed if name in given]
    named = {
        name: value for name, value in given.items() if name not in unnamed and value is not None
    }
    words = ", ".join([*first, *([arguments.as_text(named, ", ")] if named else [])])
    return f"{function.__name__}({words})" if words else function.__name__
