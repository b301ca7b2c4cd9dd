"""The conformance kit: tests that a component keeps the contract of its kind.

In a prompt or a script, `check_component` prints and raises::

    print(check_component("fc"))

In a test file, `parametrize_with_checks` makes a test of every check::

    @parametrize_with_checks(["fc", ("fc", 6, 4, {"bias": False})])
    def test_conformance(component, check):
        check(component)

The docstring of a check states the rule that it proves. The class of a component can help the kit:
`Component.examples` gives the arguments to try it with, and ``Layer.differs_in_training`` says that
a layer gives other outputs in training. A hook is tried in small trainings, in temporary folders;
it may also be a module with functions. Random generators are reset before each repetition.
"""

from plugnet.testing.kit import check_component as check_component
from plugnet.testing.kit import checks_of as checks_of
from plugnet.testing.pytest_checks import parametrize_with_checks as parametrize_with_checks
from plugnet.testing.report import CheckFailure as CheckFailure
from plugnet.testing.report import CheckResult as CheckResult
from plugnet.testing.report import Report as Report
