"""Pages of components as GitHub shows them."""

from pathlib import Path

import pytest
from tests import swirl
from tests.aliases import Fake

from plugnet.reference.component import Component, plain
from plugnet.reference.github import files
from plugnet.reference.page import NAMED, index
from plugnet.registry import Entry, registry
from plugnet.registry.kinds import KINDS

PAGE = """# swirl (activation)

An activation of nn-swirl 1.0, for the plugin API v2.

```python
swirl(phase: float = 0.5)
```

f(x) = x sin(\\*x\\* + phase\\_).

```math
f(x) = x \\sin(x + \\varphi)
```

Computed in [`Swirl.forward`](../nn_swirl/swirl.py#L18), [`Swirl.derivative`](../nn_swirl/swirl.py\
#L22) · tested by [`test_values`](../tests/test_swirl.py#L2)

![swirl and its derivative, from -4 to 4.](activation-swirl.svg)

swirl and its derivative, from -4 to 4.

## Options

- `phase: float = 0.5`: where it begins.

Keep `phase`.

## How to name it

```python
Network([..., "swirl", ...])
```

```toml
[network]
layers = ["swirl"]
```

## Example
"""


def test_the_page_of_a_stranger(install: Fake) -> None:
    site = install("nn-swirl", swirl.GROUPS, swirl.SOURCES).parent
    written = files("nn-swirl", [Component(registry.find("swirl"))], site / "docs")
    assert set(written) == {"index.md", "activation-swirl.md", "activation-swirl.svg"}
    head, _, rest = written["activation-swirl.md"].decode().partition("\n")
    assert head.startswith("<!-- Made by plugnet plugins docs for nn-swirl, from")
    assert rest.startswith(PAGE)
    assert rest.endswith("## Source\n\nThe class is [`Swirl`](../nn_swirl/swirl.py#L7).\n")
    assert "- [swirl](activation-swirl.md): f(x) = x sin(" in written["index.md"].decode()
    assert written["activation-swirl.svg"].startswith(b"<!-- Made by plugnet plugins docs for")


def test_a_shadowed_name_is_written_out(install: Fake) -> None:
    groups = {"activations": {"tanh": "nn_swirl.swirl:Swirl"}, "api": {"v2": "nn_swirl"}}
    install("nn-swirl", groups, {**swirl.SOURCES, "nn_swirl/reference.toml": ""})
    with pytest.warns(UserWarning, match="also defines the built-in"):
        registry.find("nn-swirl/tanh")
    component = Component(registry.find("nn-swirl/tanh"))
    assert component.in_python == '"nn-swirl/tanh"'


@pytest.mark.parametrize("entry", registry.entries(), ids=str)
def test_what_names_a_component_in_a_configuration_does(entry: Entry) -> None:
    import tomllib

    component = Component(entry)
    text = NAMED[entry.kind][1].format(component.in_toml)
    (section,) = tomllib.loads(text).values()
    (value,) = section.values()
    if "..." in component.in_toml:
        return
    if entry.kind in ("layer", "activation", "metric", "hook"):
        (value,) = value
    if entry.kind == "initializer":
        value = value[0][1]["initializer"]
    view = registry.view(entry.kind)
    if entry.kind == "hook":
        assert (value if isinstance(value, str) else value[0]) == entry.name
    else:
        assert type(view.resolve(value)) is component.cls


def test_the_index_has_every_kind_once() -> None:
    text = index("All", map(Component, registry.entries()))
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert len(headings) == len(set(headings)) == len(KINDS)
    assert "## Learning-rate policies" in headings
    assert "## Data sets" in headings


def test_components_in_arguments_are_named() -> None:
    layer = registry.layers.build("fc", 3, 2, initializer=("constant", 1.0))
    assert plain([layer]) == [
        (
            "fc",
            {"inputs": 3, "outputs": 2, "initializer": ("constant", {"value": 1.0}), "bias": True},
        )
    ]


def test_the_source_of_what_is_installed_is_not_linked(install: Fake, tmp_path: Path) -> None:
    install("nn-swirl", swirl.GROUPS, swirl.SOURCES, site="site-packages")
    page = files("it", [Component(registry.find("swirl"))], tmp_path)["activation-swirl.md"]
    links = "Computed in `Swirl.forward`, `Swirl.derivative` · tested by `test_values`"
    assert links in page.decode()
