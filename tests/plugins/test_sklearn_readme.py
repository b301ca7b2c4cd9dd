"""The README's blocks run, and what it says of MLPClassifier holds."""

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sklearn", minversion="1.6")
pytest.importorskip("plugnet_sklearn")

from plugnet import Model

README = Path(__file__).parents[2] / "plugins/sklearn/README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_blocks_run_one_after_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    scores: list[Any] = []
    for code in BLOCKS:
        exec(code, names)
        scores.append(getattr(names.get("search"), "best_score_", None))
    own, peer = scores[1:3]
    assert own > 0.9
    assert own == pytest.approx(peer, abs=0.03)
    assert names["network"].best_validation_score_ > 0.9
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("{'network__policy__rate': 0.01}")
    model = Model.load("digits.safetensors")
    assert (model.predict(names["x"]) == names["network"].predict(names["x"])).all()


def test_the_search_takes_five_lines_beside_as_many() -> None:
    own, peer = ([line for line in code.splitlines() if line] for code in BLOCKS[1:3])
    assert len(own) == len(peer) == 5
