"""Strategies as people write them: any that is valid reads back as itself, any other is refused."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from hypothesis import assume, example, given
from hypothesis import strategies as st

from benchmark.protocol import arguments, grammar, registry
from benchmark.protocol.chain import PLURALS
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import (
    NONE,
    POSTHOC_SLOTS,
    SLOTS,
    TRAINING_SLOTS,
    Strategy,
    changed,
)

NAMES = sorted(registry.strategies())
DEFERRABLE = ("class_weight", "focal(gamma=1)", "mixup+oversample(ratio=0.5)", "focal + smote")


@st.composite
def values(draw: st.DrawFn, annotation: Any) -> str:
    """A value of an argument, as text."""
    annotation, bounds, _ = arguments.annotated(annotation)
    if annotation is Strategy:
        return draw(st.sampled_from(DEFERRABLE))
    options = get_args(annotation) or (annotation,)
    if get_origin(annotation) is Literal:
        return draw(st.sampled_from(options))
    if type(None) in options and draw(st.booleans()):
        return "None"
    if any(get_origin(option) is tuple for option in options):
        return str(tuple(draw(st.lists(st.floats(0.1, 9), min_size=2, max_size=3))))
    low, high = max(bounds.low, -100), min(bounds.high, 100)
    if int in options:
        return str(draw(st.integers(int(low), int(high))))
    number = draw(st.floats(low, high, allow_nan=False, exclude_min=bounds.open_low))
    return repr(number)


@st.composite
def parts(draw: st.DrawFn) -> str:
    """One strategy with any of its arguments."""
    name = draw(st.sampled_from(NAMES))
    declared = arguments.parameters(registry.strategies()[name])
    chosen = draw(st.lists(st.sampled_from(sorted(declared) or [""]), unique=True, max_size=2))
    if not declared:
        return name + draw(st.sampled_from(["", "()"]))
    given = [f"{key}={draw(values(declared[key][0]))}" for key in chosen]
    return f"{name}({', '.join(given)})"


@st.composite
def chains(draw: st.DrawFn) -> str:
    """Several, joined in whatever way a person would."""
    joint = draw(st.sampled_from(["+", " + ", "+ "]))
    text = joint.join(draw(st.lists(parts(), min_size=1, max_size=4)))
    return draw(st.sampled_from(["{}", "({})", " {} "])).format(text)


def read(text: str) -> grammar.StrategySpec:
    """What is valid by itself; what cannot be joined is another property."""
    try:
        return grammar.read(text)
    except UserError as error:
        assume("cannot be joined" not in str(error))
        assume("give only one of positive, gamma and weights" not in str(error))
        assume("characters long" not in str(error))
        assume("objective" not in str(error))  # arguments of `threshold` that go together
        raise


@given(chains())
def test_text_and_label_read_back_as_the_same(text: str) -> None:
    spec = read(text)
    for written in (spec.text, spec.label):
        again = grammar.read(written)
        assert (again.text, again.label, again.training) == (
            spec.text,
            spec.label,
            spec.training,
        )
    assert len(spec.label) <= len(spec.text)


@given(chains())
def test_the_training_part_changes_the_training_alone(text: str) -> None:
    spec = read(text)
    training = grammar.read(spec.training)
    assert training.training == spec.training
    assert not changed(training.strategy, POSTHOC_SLOTS) or changed(
        training.strategy, TRAINING_SLOTS
    )
    assert changed(training.strategy, TRAINING_SLOTS) == changed(spec.strategy, TRAINING_SLOTS)


def excluding(strategies: list[Strategy]) -> bool:
    """Whether two bring what there can be one of, at some time, or what cannot go along."""
    later = [stage_spec.strategy for one in strategies for stage_spec in one.stages]
    most = {
        slot: max(
            sum(changed(one, [slot]) for one in [*strategies, stage_spec])
            for stage_spec in [NONE, *later]
        )
        for slot in SLOTS
    }
    twice = any(most[slot] > 1 for slot in PLURALS)
    pairs = (("head", "bias"), ("networks", "normalise"))
    return twice or any(most[one] and most[other] for one, other in pairs)


@given(st.lists(parts(), min_size=1, max_size=4))
def test_what_can_be_joined_is_joined_and_nothing_else(texts: list[str]) -> None:
    singles = [read(text) for text in texts]
    excluded = excluding([spec.strategy for spec in singles])
    try:
        joined = grammar.read("+".join(texts))
    except UserError as error:
        assert excluded or "characters long" in str(error)
        return
    assert not excluded
    for slot in SLOTS:
        assert changed(joined.strategy, [slot]) == any(
            changed(spec.strategy, [slot]) for spec in singles
        )
    assert joined.strategy.needs == frozenset().union(*(spec.strategy.needs for spec in singles))


@given(st.lists(chains(), min_size=1, max_size=3))
def test_a_list_is_its_members_in_order(texts: list[str]) -> None:
    specs = [read(text) for text in texts]
    assume(len({spec.text for spec in specs}) == len(specs))
    assert [one.text for one in grammar.read_list(", ".join(texts))] == [
        spec.text for spec in specs
    ]


@given(parts(), st.sampled_from(["none", "none()"]), st.booleans())
def test_joined_with_none_it_stays_what_it_is(text: str, nothing: str, before: bool) -> None:
    spec = read(text)
    joined = f"{nothing}+{text}" if before else f"{text}+{nothing}"
    assert grammar.read(joined).text == spec.text


@given(st.text(max_size=60))
@example("focal(gamma=__import__('os').system('x'))")
@example("focal(gamma=(lambda: 1)())")
@example("none\x00")
@example("(" * 500)
@example("none+" * 2000 + "none")
@example("lambda: none")
@example("none if 1 else none")
@example("*none")
@example("none,")
@example("f'{none}'")
@example("focal(gamma=1e400)")
@example("focal(gamma=1_0)")
@example("\ud800")
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        specs = grammar.read_list(text)
    except UserError as error:
        assert "\n" not in str(error)
        assert str(error)
    else:
        assert specs


@given(
    st.sampled_from(["focal(gamma={})", "class_weight(positive={})", "smote(k={})"]),
    st.text(alphabet="0123456789.+-eEinfNa_xjL ()[]'\"", min_size=1, max_size=8),
)
def test_any_value_is_a_finite_number_in_bounds_or_refused(text: str, value: str) -> None:
    try:
        spec = grammar.read(text.format(value))
    except UserError:
        return
    number = spec.text.partition("=")[2].partition(",")[0].rstrip(")")
    if number != "None":
        assert 0 <= float(number) < float("inf")
