"""The reference.toml files: a table for each registered component, whose links lead somewhere."""

from pathlib import Path

import pytest

from tests.guide.claims import PACKAGES, of_class, of_reference, places, registered, tables

#: What computes nothing that a formula could say.
WITHOUT_FORMULA = {"layers.flatten", "layers.reshape"}
VIEWS_WITHOUT_FORMULA = {"datasets", "hooks"}

every_package = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)


@every_package
def test_each_registered_component_has_its_table_and_no_other_has(package: Path) -> None:
    assert sorted(tables(package)) == sorted(registered(package))


@every_package
def test_each_table_has_code_and_tests_and_a_formula_where_something_is_computed(
    package: Path,
) -> None:
    for name, table in tables(package).items():
        computes = name not in WITHOUT_FORMULA
        computes &= name.partition(".")[0] not in VIEWS_WITHOUT_FORMULA
        assert set(table) <= {"formula", "code", "tests", "example"}, name
        assert set(table) >= {"code", "tests"} | ({"formula"} if computes else set()), name
        assert table["code"], name
        assert table["tests"], name
        assert table.get("formula", "x").strip(), name
        assert "$" not in table.get("formula", ""), name


@every_package
def test_every_link_leads_to_code_or_to_a_test(package: Path) -> None:
    pytest.importorskip(package.name)
    for claim in of_reference(package):
        for link in claim.code:
            assert places.code(link).file.suffix == ".py"
        for test in claim.tests:
            assert "[" not in test, "a test is linked with all its parameters"
            assert places.test(test).name.rpartition(".")[2].startswith("test_"), test


def test_a_link_to_what_was_renamed_is_refused() -> None:
    hinge = "plugnet_builtin.hinge:Hinge"
    with pytest.raises(places.NoSuchPlaceError, match="has no method loss"):
        of_class(hinge, "loss")
    with pytest.raises(places.NoSuchPlaceError, match="slopes is missing"):
        places.code(of_class(hinge, f"{hinge}.slopes"))
    with pytest.raises(places.NoSuchPlaceError, match="test_hinges is missing"):
        places.test("tests/builtin/test_losses.py::test_hinges")
