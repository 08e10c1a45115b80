"""Finding strategies and tasks by their files, and reading strategies as people write them."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import strategies
from benchmark.protocol import arguments, grammar, registry
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import changed

ROOT = Path(__file__).parents[2]
HEAVY = ("tensorflow", "keras", "mlflow", "pandas", "sklearn", "imblearn", "scipy", "optuna")


@pytest.mark.parametrize(
    ("written", "text", "label", "training"),
    [
        ("none", "none", "none", "none"),
        (" none ", "none", "none", "none"),
        ("oversample", "oversample(ratio=1)", "oversample", "oversample(ratio=1)"),
        ("oversample()", "oversample(ratio=1)", "oversample", "oversample(ratio=1)"),
        ("oversample(ratio=1.0)", "oversample(ratio=1)", "oversample", "oversample(ratio=1)"),
        (
            "focal(alpha=0.250, gamma='1')",
            "focal(gamma=1, alpha=0.25)",
            "focal(gamma=1, alpha=0.25)",
            "focal(gamma=1, alpha=0.25)",
        ),
        ("focal(alpha=None)", "focal(gamma=2)", "focal", "focal(gamma=2)"),
        (
            "threshold(share=500/20000, objective=capacity)",
            "threshold(beta=1, objective=capacity, share=0.025)",
            "threshold(objective=capacity, share=0.025)",
            "none",
        ),
        ("threshold", "threshold(beta=1)", "threshold", "none"),
        ("none+logit_shift", "logit_shift(tau=1)", "logit_shift", "none"),
        (
            "threshold(beta=2) + (undersample(ratio=.5)+ logit_adjust)",
            "threshold(beta=2)+undersample(ratio=0.5)+logit_adjust(tau=1)",
            "threshold(beta=2)+undersample(ratio=0.5)+logit_adjust",
            "undersample(ratio=0.5)+logit_adjust(tau=1)",
        ),
    ],
)
def test_reading_gives_the_full_text_the_short_label_and_the_training_part(
    written: str, text: str, label: str, training: str
) -> None:
    spec = grammar.read(written)
    assert (spec.text, spec.label, spec.training) == (text, label, training)


@pytest.mark.parametrize(
    ("written", "text", "label"),
    [
        ("deferred", "deferred(effective_number(beta=0.9999), share=0.2)", "deferred"),
        (
            "deferred(focal, share=0.20)",
            "deferred(focal(gamma=2), share=0.2)",
            "deferred(focal)",
        ),
        (
            "mixup + deferred( strategy=oversample+ focal(gamma='1') , share=.3)",
            "mixup(alpha=1)+deferred(oversample(ratio=1)+focal(gamma=1), share=0.3)",
            "mixup+deferred(oversample+focal(gamma=1), share=0.3)",
        ),
        (
            "deferred(effective_number(beta=.9999), share=.5)",
            "deferred(effective_number(beta=0.9999), share=0.5)",
            "deferred(share=0.5)",
        ),
    ],
)
def test_a_strategy_can_be_an_argument_of_another(written: str, text: str, label: str) -> None:
    spec = grammar.read(written)
    assert (spec.text, spec.label) == (text, label)
    assert grammar.read(label).text == text
    assert set(spec.training_modules) > {"strategies.staged"}


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("deferred(0.2)", "cannot read strategy '0.2'"),
        ("deferred(share=2)", "strategy 'deferred': share must be between"),
        ("deferred(focl)", "unknown strategy 'focl'"),
        ("deferred(focal, smote)", "strategy 'deferred': name its arguments"),
        ("deferred(focal, strategy=focal)", "'deferred': an argument is given twice"),
        ("deferred(deferred)", "'deferred': deferred cannot be its argument"),
        ("deferred(none)", "'deferred': there is nothing to defer"),
        ("deferred(threshold)", "join the decision threshold with +"),
        ("deferred(ldam)", "join the classifier head with +"),
        ("deferred(under_bagging)", "join the ensemble with +"),
        ("deferred(" * 150 + ")" * 150, "cannot"),
        ("ldam+focal", "strategy 'ldam+focal': two losses cannot be joined"),
        ("ldam+deferred(focal)", "two losses cannot be joined"),
        (
            "ldam+prior_bias",
            "a classifier head without a bias and an initial bias cannot be joined",
        ),
        ("crt+deferred", "two sets of stages cannot be joined"),
        ("mixup+remix", "two ways to mix rows cannot be joined"),
        ("under_bagging+tau_norm", "an ensemble and a normalisation of the output layer"),
    ],
)
def test_what_cannot_be_deferred_or_joined_is_refused_by_name(written: str, complaint: str) -> None:
    with pytest.raises(UserError) as error:
        grammar.read(written)
    assert complaint in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("written", ["smote(k=3)+focal", "none+threshold", "class_weight"])
def test_full_text_and_label_read_back_as_the_same_spec(written: str) -> None:
    spec = grammar.read(written)
    assert grammar.read(spec.text).text == spec.text
    assert grammar.read(spec.label).text == spec.text


def test_modules_are_told_apart_by_the_part_that_they_serve() -> None:
    spec = grammar.read("oversample+focal+threshold")
    assert spec.training_modules == ("strategies.losses", "strategies.resampling")
    assert spec.decision_modules == ("strategies.thresholds",)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("focl", "unknown strategy 'focl': did you mean 'focal'?"),
        ("oversmaple+focal", "unknown strategy 'oversmaple': did you mean 'oversample'?"),
        ("focal(gama=1)", "strategy 'focal' has no argument 'gama': did you mean 'gamma'?"),
        ("focal(gamma=-1)", "strategy 'focal': gamma must be at least 0, not -1"),
        ("focal(gamma=many)", "strategy 'focal': gamma must be a number, not 'many'"),
        ("focal(2)", "strategy 'focal': name its arguments, e.g. focal(gamma=2, alpha=None)"),
        ("focal(**more)", "strategy 'focal' has no argument '**'"),
        ("none(x=1)", "strategy 'none' has no argument 'x': it takes none"),
        ("smote(k=2.5)", "strategy 'smote': k must be a whole number, not '2.5'"),
        ("class_weight(positive=2, gamma=2)", "strategy 'class_weight': give only one of"),
        ("focal-none", "cannot read strategy 'focal - none': expected a name"),
        ("'focal'", "expected a name"),
        ("focal.gamma", "expected a name"),
        ("none focal", "cannot read strategies 'none focal'"),
        ("", "cannot read strategies ''"),
        ("none=1", "cannot read strategies 'none=1'"),
        ("focal, focal(gamma=2.0)", "strategy 'focal' is given twice"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(written: str, complaint: str) -> None:
    with pytest.raises(UserError) as error:
        grammar.read_list(written)
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_name_without_a_near_miss_is_answered_with_all_names() -> None:
    with pytest.raises(UserError) as error:
        grammar.read("xyzzy")
    assert all(name in str(error.value) for name in registry.strategies())


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("focal+logit_adjust", "strategy 'focal+logit_adjust': two losses"),
        ("focal+focal(gamma=1)", "strategy 'focal+focal(gamma=1)': two losses"),
        (
            "threshold+threshold(beta=2)",
            "strategy 'threshold+threshold(beta=2)': two decision thresholds",
        ),
        ("prior_bias+prior_bias", "strategy 'prior_bias+prior_bias': two initial biases"),
    ],
)
def test_what_cannot_be_joined_is_refused_by_name(written: str, complaint: str) -> None:
    with pytest.raises(UserError) as error:
        grammar.read(written)
    assert str(error.value).startswith(complaint)


@pytest.mark.parametrize("written", ["focal(gamma=1, gamma=3)", "()"])
def test_a_repeated_argument_and_an_empty_list_are_refused(written: str) -> None:
    with pytest.raises(UserError):
        grammar.read_list(written)


def test_a_list_is_read_in_its_order() -> None:
    specs = grammar.read_list("threshold, none,oversample(ratio=0.5)+focal")
    assert [spec.label for spec in specs] == [
        "threshold",
        "none",
        "oversample(ratio=0.5)+focal",
    ]


def test_all_is_every_registered_strategy() -> None:
    assert [grammar.calls(spec.text)[0].name for spec in grammar.read_list("all")] == list(
        registry.strategies()
    )


def test_none_changes_nothing() -> None:
    slots = ("resample", "weigh", "loss", "bias", "calibrate", "threshold")
    assert not changed(grammar.read("none").strategy, slots)
    assert not changed(grammar.read("none+none").strategy, slots)


FAMILY = '''
from __future__ import annotations
from benchmark.protocol.strategy import Strategy
from benchmark.protocol.chain import chain
from benchmark.protocol.arguments import Range as imported

def sleep(hours: float = 8.0) -> Strategy:
    """Waits."""
    return Strategy()

def _helper() -> Strategy: ...
def number() -> int: ...
def untyped(): ...
'''


@pytest.fixture
def new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Puts a module into ``strategies/``, as far as Python can tell."""
    monkeypatch.setattr(strategies, "__path__", [*strategies.__path__, str(tmp_path)])

    def put(name: str) -> None:
        (tmp_path / f"{name}.py").write_text(FAMILY)
        registry.strategies.cache_clear()

    yield put
    registry.strategies.cache_clear()
    for name in tmp_path.glob("*.py"):
        sys.modules.pop(f"strategies.{name.stem}", None)
        vars(strategies).pop(name.stem, None)


def test_a_new_file_registers_its_public_functions_that_return_a_strategy(
    new_file: Callable[[str], None],
) -> None:
    before = set(registry.strategies())
    new_file("resting")
    assert set(registry.strategies()) - before == {"sleep"}
    assert grammar.read("sleep(hours=9)").text == "sleep(hours=9)"


def test_a_file_with_a_leading_underscore_registers_nothing(
    new_file: Callable[[str], None],
) -> None:
    new_file("_resting")
    assert "sleep" not in registry.strategies()


@pytest.mark.parametrize("command", ["['--help']", "['strategies']", "['tasks']"])
def test_help_and_listings_load_no_heavy_library(command: str) -> None:
    code = (
        "import sys; from benchmark.cli.main import main; "
        f"main({command}, standalone_mode=False); "
        f"print('loaded:', sorted(set({HEAVY}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("loaded: []\n")


def test_a_file_that_python_cannot_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "broken"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "mine.py").write_text("x = 1\ndef broken(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=r"mine\.py, line 2: "):
        registry.modules_in("broken")


@pytest.mark.parametrize(
    ("written", "target", "drop"),
    [
        ("target='Claim made'", "Claim made", ""),
        ('target="it\'s", drop=\'a, "b"\'', "it's", 'a, "b"'),
        ("target=plain drop=''", "plain", ""),
        ("target=a=b", "a=b", ""),
        (r"target=C:\made", r"C:\made", ""),
    ],
)
def test_settings_may_be_quoted_and_are_written_as_they_are_read(
    written: str, target: str, drop: str
) -> None:
    chosen = grammar.settings("csv", written)
    assert (chosen.target, chosen.drop) == (target, drop)
    assert grammar.settings("csv", arguments.as_text(dataclasses.asdict(chosen), " ")) == chosen


def test_an_open_quote_in_the_settings_is_named() -> None:
    with pytest.raises(UserError, match="a quote is not closed in the settings"):
        grammar.settings("csv", "target='Claim")
