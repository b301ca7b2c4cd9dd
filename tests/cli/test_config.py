"""Configs: what TOML may say, what `--set` may change, and what is refused how."""

import json
import tomllib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugnet import Network, evaluation, registry
from plugnet.cli import config_file
from plugnet.cli.config import (
    RULES,
    SECTIONS,
    Config,
    DataSettings,
    NetworkSettings,
    TrainingSettings,
)
from plugnet.cli.inference import infer
from plugnet.errors import ConfigError
from plugnet.training.given import ITERATIONS
from plugnet.training.state import DECAY, DEFAULT

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the files of all examples."""
    return tmp_path_factory.mktemp("configs")


def load(tmp_path: Path, content: str | bytes) -> Config:
    path = tmp_path / "some.toml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return config_file.load(path)


def test_the_example_for_digits_says_the_defaults() -> None:
    config = config_file.load(EXAMPLES / "digits.toml")
    assert config.training.regularizer == DECAY  # which is the default for its optimizer
    digits = registry.datasets.build("digits").load()
    defaults = infer(Config(), digits)
    assert defaults.training.regularizer == DEFAULT
    training = replace(config.training, regularizer=DEFAULT)
    assert training.iterations == ITERATIONS
    assert training.metrics == evaluation.DEFAULT["class"]
    training = replace(training, iterations=None, metrics=None)
    assert replace(infer(config, digits), training=training) == defaults
    document = tomllib.loads((EXAMPLES / "digits.toml").read_text())
    without = {"epochs", "class_weight", "ignore_label"}  # which have no default
    assert set(document["training"]) == set(vars(TrainingSettings())) - without


def test_the_example_for_mnist_is_the_tutorial() -> None:
    config = config_file.load(EXAMPLES / "mnist.toml")
    assert config.data.reader == "mnist"
    assert config.network.layers == (
        ("fc", 784, 50),
        "tanh",
        ("fc", 50, 50),
        "tanh",
        ("fc", 50, 10),
    )
    assert config.training == TrainingSettings(
        loss="softmax_with_loss",
        optimizer=("sgd", 0.9),
        policy=("inv", 0.1),
        regularizer=("l2", 0.001),
        batch_size=100,
        iterations=800,
        shuffle=False,
        validation="test",
    )


def test_the_example_lenet_has_caffes_multipliers_for_biases() -> None:
    config = config_file.load(EXAMPLES / "lenet.toml")
    network = Network(config.network.layers, (28, 28, 1), parameters=config.network.parameters)
    for path, parameter in network.parameters().items():
        is_bias = path.endswith(".bias")
        assert (parameter.lr_mult, parameter.decay_mult) == (2 if is_bias else 1, 1)


def test_what_a_file_does_not_say_keeps_its_default(tmp_path: Path) -> None:
    config = load(tmp_path, "[training]\nbatch_size = 7\n")
    assert config == replace(Config(), training=TrainingSettings(batch_size=7))


INTEGERS = st.integers(0, 2**63 - 1)
VALUES = st.booleans() | INTEGERS | st.floats(allow_nan=False) | st.text()
#: A name, or a name and arguments, which hold each other.
COMPONENTS = st.text() | st.builds(
    lambda name, rest: (name, *rest),
    st.text(),
    st.recursive(
        st.lists(VALUES, max_size=3).map(tuple),
        lambda inner: st.tuples(inner, st.dictionaries(st.text(), inner, max_size=2)),
        max_leaves=4,
    ),
)
SOME = st.lists(COMPONENTS, max_size=3).map(tuple)
MULTIPLIERS = st.fixed_dictionaries(
    {"lr_mult": st.floats(0, 9)}, optional={"decay_mult": INTEGERS, "trainable": st.booleans()}
)


@given(
    st.builds(
        Config,
        INTEGERS,
        st.builds(DataSettings, COMPONENTS, st.none() | st.text()),
        st.builds(
            NetworkSettings,
            st.just("auto") | SOME.filter(bool),
            st.sampled_from(["float32", "float64"]),
            st.dictionaries(st.text(), MULTIPLIERS, max_size=2),
        ),
        st.builds(
            TrainingSettings,
            *[COMPONENTS] * 4,
            batch_size=st.just("auto") | st.integers(1, 9),
            iterations=st.none() | st.integers(1, 9),
            epochs=st.none() | st.floats(0.1, 9),
            validation=st.sampled_from(["auto", "none", "test"]) | st.floats(0.1, 0.9),
            metrics=st.none() | SOME,
            class_weight=st.none()
            | st.just("balanced")
            | st.dictionaries(st.text(), st.floats(0, 9), max_size=2),
            ignore_label=st.none() | st.text() | st.integers(-(2**63), 2**63 - 1),
            scale_targets=st.just("auto") | st.booleans(),
            hooks=SOME,
        ),
    )
)
def test_dump_and_load_are_inverse(folder: Path, config: Config) -> None:
    assert load(folder, config_file.dump(config)) == config


def toml(value: Any) -> str:
    """Return a value as TOML has it."""
    match value:
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            return f"{{{', '.join(f'{toml(key)} = {toml(item)}' for key, item in value.items())}}}"
        case str():
            return json.dumps(value, ensure_ascii=False)
    return str(value)


ANYTHING = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from([*RULES, *SECTIONS, "batch_siz", "training.seed"]) | st.text().map(toml)


@given(st.dictionaries(KEYS, ANYTHING, max_size=3))
def test_any_settings_give_a_config_or_are_refused_as_one(
    folder: Path, settings: dict[str, Any]
) -> None:
    lines = [f"{key} = {toml(value)}" for key, value in settings.items()]
    with suppress(ConfigError):
        load(folder, "\n".join(lines))


@given(st.lists(st.text() | st.builds("{}={}".format, KEYS, ANYTHING.map(toml)), max_size=2))
def test_any_assignments_give_a_config_or_are_refused_as_one(assignments: list[str]) -> None:
    with suppress(ConfigError):
        config_file.override(Config(), assignments)


@pytest.mark.parametrize(
    "text",
    [
        'parameters = { "*.bias" = { lr_mult = 2, decay_mult = 0.5 }, '
        "fc1 = { trainable = false } }",
        '[network.parameters]\n"*.bias" = { lr_mult = 2, decay_mult = 0.5 }\nfc1.trainable = false',
        '[network.parameters."*.bias"]\nlr_mult = 2\ndecay_mult = 0.5\n'
        "[network.parameters.fc1]\ntrainable = false",
    ],
)
def test_parameters_are_told_by_patterns(tmp_path: Path, text: str) -> None:
    config = load(tmp_path, f"[network]\n{text}\n")
    patterns = {"*.bias": {"lr_mult": 2, "decay_mult": 0.5}, "fc1": {"trainable": False}}
    assert config.network.parameters == patterns
    assert load(tmp_path, config_file.dump(config)) == config


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    assert load(tmp_path, b"\xef\xbb\xbfseed = 3\r\n\r\n[training]\r\niterations = 5\r\n").seed == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("\n[training]\nbatch_siz = 3", "line 3: .*batch_siz.* Did you mean 'training.batch_size'"),
        ("iterations = 3", "line 1: .*'iterations'.* Did you mean 'training.iterations'"),
        ("[trainin]\nbatch_size = 3", "'trainin'"),
        ("training = 3", "no setting 'training'"),
        ("[training]\n\nbatch_size = '3'", "line 3: .*whole number from 1, but it is '3'"),
        ("[training]\nbatch_size = 0", "whole number from 1, but it is 0"),
        ("[training]\nbatch_size = true", "whole number from 1, but it is True"),
        ("[training]\nbatch_size = 1e3", "whole number from 1, but it is 1000.0"),
        ("seed = -1", "whole number from 0"),
        ("[training]\nshuffle = 1", "true or false"),
        ("[training]\nvalidation = 1.0", "a fraction of the training samples"),
        ("[training]\nvalidation = 'tenth'", '"auto", "none", "test", or a fraction'),
        ("[training]\nepochs = 0", "a number above 0"),
        ("[training]\nmetrics = 'accuracy'", "a list of names"),
        ("[training]\nclass_weight = { yes = -1 }", '"balanced", or a table from classes'),
        ("[training]\nclass_weight = 'even'", '"balanced", or a table from classes'),
        ("[training]\nignore_label = 1.5", "a class: a string or whole number"),
        ("[training]\nscale_targets = 'yes'", '"auto", or true or false'),
        ("[training]\nbatch_size = 'all'", '"auto", or a whole number from 1'),
        ("[network]\nlayers = []", "at least one layer"),
        ("[network]\nlayers = [3]", "at least one layer"),
        ("[network]\ndtype = 'float16'", "float32"),
        ("[network]\nparameters = { bias = { lr_mul = 2 } }", "line 2: .*a table from patterns"),
        ("[network.parameters]\nbias = { lr_mult = -1 }", "line 1: .*numbers from 0"),
        ("[network.parameters]\nbias = { decay_mult = inf }", "numbers from 0"),
        ("[network.parameters]\nbias = { lr_mult = true }", "numbers from 0"),
        ("[network.parameters]\nbias = { trainable = 0 }", "true or false"),
        ("[network.parameters]\nbias = {}", "a table from patterns"),
        ("[network.parameters]\nlr_mult = 2", "a table from patterns"),
        ("[network]\nparameters = 'bias'", "a table from patterns"),
        ("[training]\npolicy = [0.1, 'inv']", "name"),
        ("[training]\npolicy = []", "name"),
        ("[data]\npath = 7", "a string"),
        ("[data]\nreader = ['csv', 1979-05-27]", "date"),
        ("seed = 9223372036854775808", "64 bits"),
        ("seed = 0x" + "f" * 9999, "64 bits"),
        ("seed = " + "9" * 9999, "not valid TOML"),
        ("[network]\nlayers = " + "[" * 100_000, "nested too deeply"),
        ("[data]\nreader" + ".a" * 5_000 + " = 1", "data.reader|nested"),
        ("seed = 1\nseed = 2", "not valid TOML"),
        ("[data]\n[data]", "not valid TOML"),
        ("seed: 1", "not valid TOML"),
        ("seed = 1 \r seed = 2", "not valid TOML"),
        (b"seed = 1 # \xff", "UTF-8.*byte 11"),
        ("#" * (1 << 20) + "\n", "at most 256 KiB"),
        ("seed = one", 'Text needs quotes, such as "text"'),
        (
            "[data]\nreader = ['npz', {order = 'C'}]\nlabel = 'kind'",
            r'line 3: there is no setting .data.label.*\n *reader = \["csv", { label = "kind" }\]',
        ),
    ],
)
def test_a_bad_config_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load(tmp_path, content)
    assert len(str(caught.value)) < 1000


def test_a_missing_config_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        config_file.load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        config_file.load(tmp_path)


@pytest.mark.parametrize(
    ("assignment", "section", "name", "value"),
    [
        ("training.batch_size=50", "training", "batch_size", 50),
        ("batch_size = 50", "training", "batch_size", 50),
        ("policy=fixed", "training", "policy", "fixed"),
        ("policy=['fixed', 0.01]", "training", "policy", ("fixed", 0.01)),
        ("shuffle=false", "training", "shuffle", False),
        ("path=/a b/ü=1.csv", "data", "path", "/a b/ü=1.csv"),
        ("path=a\nseed = 3", "data", "path", "a\nseed = 3"),
        ("reader=['csv', {seed = 3}]", "data", "reader", ("csv", {"seed": 3})),
        (
            "parameters={'*.bias' = {lr_mult = 2}}",
            "network",
            "parameters",
            {"*.bias": {"lr_mult": 2}},
        ),
    ],
)
def test_set_changes_one_setting(assignment: str, section: str, name: str, value: Any) -> None:
    config = config_file.override(Config(), [assignment])
    expected = replace(getattr(Config(), section), **{name: value})
    assert config == replace(Config(), **{section: expected})


def test_set_takes_the_last_of_several() -> None:
    assert config_file.override(Config(), ["seed=1", "seed=2"]).seed == 2


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("batch_size", "key=value"),
        ("batchsize=5", "Did you mean 'training.batch_size'"),
        ("training.layers=5", "Did you mean 'network.layers'"),
        ("data=5", "no setting 'data'"),
        ("=5", "no setting ''"),
        ("layers=[['fc', 3]", "not valid TOML"),
        ("reader=['csv', {drop=id}]", 'Text needs quotes, such as "text"'),
        ("metrics=f1", r'a list of names, such as \["f1"\].* but it is \'f1\''),
        ("hooks=progress", r'a list of names, .* \[\["early_stop", 3\]\], but it is \'progress\''),
        ("label=species", r"""reader:\n *--set 'reader=\["csv", { label = "species" }\]'"""),
        ("data.drop=['a']", r"""reader:\n *--set 'reader=\["csv", { drop = \["a"\] }\]'"""),
        ("iterations=many", "whole number from 1, but it is 'many'"),
        ("iterations=", "whole number"),
    ],
)
def test_a_bad_assignment_is_refused(assignment: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config_file.override(Config(), [assignment])
