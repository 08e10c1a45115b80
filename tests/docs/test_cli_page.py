"""The reference of the command line is the one that the code makes."""

from benchmark.cli.main import main
from docs import make_cli
from tests.docs.pages import ROOT


def test_the_page_is_current() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    renew = "renew it: uv run python -m docs.make_cli > docs/cli.md"
    assert page == make_cli.reference(main), renew
