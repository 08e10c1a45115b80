"""The files around the code keep in step with it."""

import re
import tomllib
from pathlib import Path

import yaml

from benchmark import __version__
from benchmark.cli import experiments
from benchmark.cli.main import main

ROOT = Path(__file__).parents[1]


def test_the_version_is_the_same_in_both_places() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__


def test_direct_dependencies_are_pinned_alike_in_both_files() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    compiled = set((ROOT / "requirements.txt").read_text().splitlines())
    for pin in project["dependencies"]:
        assert "==" in pin
        assert pin in compiled


def test_requirements_name_no_place_to_fetch_from() -> None:
    text = (ROOT / "requirements.txt").read_text()
    assert not re.search(r"://|--(extra-)?index|--find-links", text)


def test_every_command_is_an_entry_point_that_passes_its_options() -> None:
    project = yaml.safe_load((ROOT / "MLproject").read_text())
    entries = project["entry_points"]
    assert set(entries) - {"main"} | {"run"} == set(main.commands)
    for name, entry in entries.items():
        command = main.commands["run" if name == "main" else name]
        options = {parameter.name for parameter in command.params}
        used = set(re.findall(r"--(\w+) \{(\w+)\}", entry["command"]))
        assert all(option == parameter for option, parameter in used)
        assert {option for option, _ in used} <= options
        assert set(entry.get("parameters", {})) == set(re.findall(r"\{(\w+)\}", entry["command"]))


def test_main_has_the_defaults_of_the_command_line() -> None:
    entry = yaml.safe_load((ROOT / "MLproject").read_text())["entry_points"]["main"]
    defaults = {parameter.name: parameter.default for parameter in experiments.run.params}
    for name, parameter in entry["parameters"].items():
        assert parameter["default"] == defaults[name]
