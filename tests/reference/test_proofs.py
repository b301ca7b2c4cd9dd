"""What a package's reference.toml says, and what is refused in it."""

from pathlib import Path

import pytest
from tests import swirl
from tests.aliases import Fake

from plugnet.errors import ConfigError
from plugnet.reference.component import Component
from plugnet.reference.github import GitHub
from plugnet.reference.page import page
from plugnet.reference.proofs import Proof, link_to
from plugnet.registry import registry


def test_it_says_formula_code_and_tests(install: Fake) -> None:
    proof = swirl.installed(install).proof
    assert proof.formula == r"f(x) = x \sin(x + \varphi)"
    forward, line = proof.code
    assert forward.place.text.startswith("    def forward(self, x, out=None):")
    assert line.place.text.startswith("        slope = np.sin")
    (test,) = proof.tests
    assert (test.place.name, test.place.file.name) == ("test_values", "test_swirl.py")


def test_a_method_may_be_that_of_a_base(install: Fake) -> None:
    toml = '[activations.swirl]\ncode = ["examples"]\n'
    (link,) = swirl.installed(install, reference=toml).proof.code
    assert link.name == "plugnet.component:Component.examples"


def test_a_whole_module_computes(install: Fake) -> None:
    toml = '[activations.swirl]\ncode = ["nn_swirl.swirl"]\n'
    (link,) = swirl.installed(install, reference=toml).proof.code
    assert (link.name, link.place.name, link.place.first) == ("nn_swirl.swirl", "swirl.py", 1)


@pytest.mark.parametrize("pyproject", ["", "[project]\nname = 'other'", "project = 1", "="])
def test_a_test_is_looked_for_in_no_other_project(install: Fake, pyproject: str) -> None:
    install("nn-swirl", swirl.GROUPS, {**swirl.SOURCES, "pyproject.toml": pyproject})
    proof = Component(registry.find("swirl")).proof
    assert (len(proof.code), proof.tests) == (2, ())


@pytest.mark.parametrize(
    ("after", "name"),
    [
        ('Swirl.__module__ = "nn_swirl"', "nn_swirl.swirl:Swirl"),  # as packages do that re-export
        ("Swirl.__module__ = None", "nn_swirl.swirl:Swirl"),
        ('Swirl.__qualname__ = "Other"', "nn_swirl.swirl"),
    ],
)
def test_a_class_is_found_by_its_methods(install: Fake, after: str, name: str) -> None:
    component = swirl.installed(install, code=f"{swirl.CODE}\n{after}\n", reference="")
    assert link_to(component.cls).name == name
    assert "The class is [`" in page(component, GitHub(Path()))


def test_nothing_need_be_said(install: Fake) -> None:
    assert swirl.installed(install, reference="").proof == Proof()
    assert swirl.installed(install, reference="[activations.swirl]").proof == Proof()


def test_a_distribution_that_names_no_package(install: Fake) -> None:
    install("nn-lone", {"activations": {"lone": "nn_lone:Swirl"}}, {"nn_lone.py": swirl.CODE})
    assert Component(registry.find("lone")).proof == Proof()


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("a =", "must be a TOML file"),
        ("[activation.swirl]", "Did you mean 'activations'"),
        ("layers = 1", "is a table of tables"),
        ("[activations.swril]", "Did you mean 'swirl'"),
        ("[activations]\nswirl = 1", "is a table"),
        ("[activations.swirl]\nformulas = ''", "Did you mean 'formula'"),
        ("[activations.swirl]\nformula = 1", "formula is a text, but it is 1"),
        ("[activations.swirl]\nformula = ' '", "formula is a text"),
        ("[activations.swirl]\ncode = 'forward'", "code is a list of texts"),
        ("[activations.swirl]\ntests = [1]", "tests is a list of texts"),
        ("[activations.swirl]\ncode = ['backward']", "backward is missing"),
        ("[activations.swirl]\ncode = ['nn_gone:f']", "no module nn_gone"),
        ("[activations.swirl]\ncode = ['forward \"self\"']", "where it must stand once"),
    ],
)
def test_what_is_wrong_is_named(install: Fake, toml: str, message: str) -> None:
    with pytest.raises(ConfigError, match=r"reference\.toml") as caught:
        assert swirl.installed(install, reference=toml).proof
    assert message in str(caught.value)


def test_tests_beside_the_code_must_be_there(install: Fake, tmp_path: Path) -> None:
    from plugnet.cli.plugins.source_folder import as_if_installed

    package = swirl.folder(tmp_path)
    (package / "tests/test_swirl.py").unlink()
    with as_if_installed(package):
        component = Component(registry.find("swirl"))
        with pytest.raises(ConfigError, match=r"There is no file tests/test_swirl\.py"):
            assert component.proof
