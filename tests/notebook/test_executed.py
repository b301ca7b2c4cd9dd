"""The notebook among the examples, run in a kernel: what each of its cells shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from plugnet import registry
from tests.notebook.parsed import Parsed

NOTEBOOK = Path(__file__).parents[2] / "examples/notebook.ipynb"
nbformat = pytest.importorskip("nbformat", reason="the extra 'guide' brings it")
nbclient = pytest.importorskip("nbclient", reason="the extra 'guide' brings it")
pytest.importorskip("ipykernel", reason="the extra 'guide' brings it")

pytestmark = pytest.mark.filterwarnings("default")  # of the kernel's client, not of plugnet


def run(notebook: Any) -> list[Any]:
    """Run a notebook, and return the outputs of each of its cells with code."""
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    return [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def outputs() -> list[Any]:
    return run(nbformat.read(NOTEBOOK, 4))


def shown(outputs: list[Any]) -> tuple[str, Parsed | None]:
    """Return the text of a cell's result, and its HTML if it has any; it prints nothing else."""
    (output,) = outputs
    assert output.output_type == "execute_result"
    html = output.data.get("text/html")
    return output.data["text/plain"], None if html is None else Parsed(html)


def test_the_notebook_is_stored_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, 4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [(cell.outputs, cell.execution_count) for cell in cells] == [([], None)] * len(cells)
    assert NOTEBOOK.stat().st_size < 8000


def test_the_data_are_shown_by_their_shapes(outputs: list[Any]) -> None:
    text, html = shown(outputs[0])
    assert text.startswith("DataSplits(train=Batch(x=<ndarray (1497, 8, 8, 1) float32>, ")
    assert len(text) < 400
    assert html is None


def test_the_network_is_a_table(outputs: list[Any]) -> None:
    text, html = shown(outputs[1])
    assert text == "Network(fc1 -> tanh1 -> fc2)"
    assert html is not None
    assert [row[0] for row in html.cells] == ["layer", "input", "fc1", "tanh1", "fc2", "total"]
    assert html.cells[-1] == ["total", "", "10", "3,760"]


def test_the_registry_is_a_table(outputs: list[Any]) -> None:
    _, html = shown(outputs[2])
    assert html is not None
    assert {row[0] for row in html.cells[1:]} >= {*registry.activations.names()}


def test_progress_is_a_bar_and_no_warning(outputs: list[Any]) -> None:
    if outputs[3][0].output_type == "display_data":
        (bar,) = outputs[3]
        assert "application/vnd.jupyter.widget-view+json" in bar.data
        return
    assert {(one.output_type, one.name) for one in outputs[3]} == {("stream", "stdout")}
    last = "".join(one.text for one in outputs[3]).rstrip("\n").split("\r")[-1]
    assert re.fullmatch(
        r"800/800 \|=+\| +[\d.]+it/s, 00:00 left, loss \d\.\d{4}, validation loss \d\.\d{4}, "
        r"accuracy \d\.\d{4} *",
        last,
    )
    assert len(outputs[3]) < 40


def test_the_history_is_a_curve(outputs: list[Any]) -> None:
    text, html = shown(outputs[4])
    assert text.startswith("History(800 iterations, loss ")
    assert len(text) < 200
    assert html is not None
    assert html.tags.count("svg") == 2
    rows = dict(html.cells)
    assert rows["stopped early"] == "no"
    assert float(rows["test, iteration 800"].split()[-1]) > 0.95


def test_the_model_says_what_it_answers(outputs: list[Any]) -> None:
    _, html = shown(outputs[5])
    assert html is not None
    assert html.cells[0] == ["answers", "one of 10 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"]


def test_the_answers_are_right(outputs: list[Any]) -> None:
    text, _ = shown(outputs[6])
    found = re.fullmatch(r"'(9\d\.\d)% of 300 digits are right; the first is a \d'", text)
    assert found
    assert float(found[1]) > 95


def test_the_trainer_shows_its_settings(outputs: list[Any]) -> None:
    _, html = shown(outputs[7])
    assert html is not None
    assert ["batch_size", "100"] in html.cells
    assert "at iteration 800" in html.text


def test_progress_that_is_redirected_has_lines_as_elsewhere() -> None:
    code = """
import contextlib, io
from plugnet import Network, Trainer, registry
from plugnet_builtin.hooks.progress import is_notebook
said = io.StringIO()
trainer = Trainer(Network([("fc", 64, 10)]), hooks=["progress"])
data = registry.datasets.build("digits").load()
with contextlib.redirect_stderr(said):
    trainer.fit(data, iterations=20, validation=0.1, evaluate_every=10)
silent = Trainer(Network([("fc", 64, 10)]))
silent.fit(data, iterations=20, validation=0.1)
is_notebook(), [line.partition(":")[0] for line in said.getvalue().splitlines()]
"""
    (cell,) = run(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)]))
    assert shown(cell)[0] == "(True, ['10/20', '20/20'])"


def test_a_widget_shows_an_early_end_as_no_error() -> None:
    pytest.importorskip("ipywidgets", reason="a bar of text needs none")
    code = """
from plugnet import Network, Trainer, registry
from plugnet_builtin.hooks.progress import Progress

class End:
    def plugnet_step_end(self, training, iteration):
        if iteration == 4:
            training.stop("enough")

class Looking(Progress):
    def plugnet_train_end(self, history):
        self.bar = self._bar
        super().plugnet_train_end(history)

looking = Looking()
trainer = Trainer(Network([("fc", 64, 10)]), hooks=[End(), looking])
trainer.fit(registry.datasets.build("digits").load().train, iterations=20)
left, bar, right = looking.bar.container.children
bar.value, bar.max, bar.bar_style, left.value.strip(), "loss" in right.value
"""
    (cell,) = run(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)]))
    assert cell[-1].data["text/plain"] == "(5.0, 20.0, 'info', '5/20', True)"
