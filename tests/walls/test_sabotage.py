"""What is broken on purpose stands in the tree, or its breaking would prove nothing."""

import pytest

from tests.sabotage import Sabotage, listed
from tests.walls.tree import ROOT


@pytest.mark.parametrize("sabotage", listed([]), ids=lambda each: each.why)
def test_each_line_stands_once_and_has_tests(sabotage: Sabotage) -> None:
    assert (ROOT / sabotage.file).read_text(encoding="utf-8").count(sabotage.old) == 1
    assert sabotage.new != sabotage.old
    assert all((ROOT / test.partition("::")[0]).exists() for test in sabotage.tests)
