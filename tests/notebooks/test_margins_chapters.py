"""What the prose of chapters 06 and 07 says of their tables and results, held to the built notebooks."""

import re
from typing import Any

import nbformat
import pytest

from tests.notebooks.chapters import NOTEBOOKS, code_cells, output_texts
from tests.notebooks.rules import RESULT


def chapter(name: str) -> Any:
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def tables(notebook: Any) -> list[dict[str, dict[str, float]]]:
    """Every table of R@10 and nDCG, by column and row."""
    texts = [o.data["text/plain"] for c in code_cells(notebook) for o in c.outputs if "data" in o]
    found = []
    for text in texts:
        head, *lines = text.splitlines()
        if head.split() == ["R@10", "nDCG"]:
            rows = [line.rsplit(maxsplit=2) for line in lines]
            found.append(
                {key: {row[0]: float(row[k]) for row in rows} for k, key in ((1, "R@10"), (2, "nDCG"))}
            )
    return found


def results(notebook: Any) -> list[str]:
    """What lies folded away under the predictions, floor and other numbers included."""
    texts = [text for c in code_cells(notebook) for o in c.outputs for text in output_texts(o)]
    return [found for text in texts for found in re.findall(RESULT.pattern.replace("(?:   ", "(   "), text)]


@pytest.fixture(scope="module")
def maps() -> Any:
    return chapter("06_distance_to_margin")


@pytest.fixture(scope="module")
def assembled() -> Any:
    return chapter("07_cmgsd")


def test_shapes(maps: Any) -> None:
    recall = tables(maps)[0]["R@10"]
    assert abs(recall["line"] - recall["bent"]) < 1
    assert recall["step"] < recall["line"] - 1
    assert abs(recall["line, `smooth`"] - recall["step, `smooth`"]) < 1


def test_controls(maps: Any) -> None:
    controls = tables(maps)[1]
    for key in ("R@10", "nDCG"):
        gain = {name: value - controls[key]["fixed"] for name, value in controls[key].items()}
        assert 0.33 < gain["permuted"] / gain["adaptive"] < 0.5, "a third to a half of the way"
        assert gain["reversed"] < -2
        assert gain["mask"] < gain["permuted"] + 1
        assert gain["oracle"] > gain["adaptive"]


def test_picks(maps: Any) -> None:
    (text,) = [text for text, _ in found_with(maps, "floor 3 %")]
    result, control = float(text[0]), float(text[1])
    assert result > 2 * control


def found_with(notebook: Any, words: str) -> list[tuple[tuple[str, ...], str]]:
    """Result and last number beside it, where some words stand beside it."""
    return [
        ((value.split()[0], re.findall(r"-?[\d.]+", beside)[-1]), beside)
        for value, beside in results(notebook)
        if words in beside
    ]


def test_softening_is_a_temperature(maps: Any) -> None:
    recall, relevance = (tables(maps)[2][key] for key in ("R@10", "nDCG"))
    assert recall["fixed"] < recall["1 draw"] - 5
    assert recall["1 draw"] < recall["4 draws"] - 1
    assert abs(recall["16 draws"] - recall["smooth .03"]) < 1
    assert recall["16 draws"] > recall["adaptive"] + 2
    assert abs(relevance["smooth .03"] - relevance["adaptive"]) < 0.5
    assert recall["permuted"] < recall["1 draw"] - 2
    assert abs(recall["permuted, mirrored"] - recall["1 draw"]) < 2


def test_what_comes_out(assembled: Any) -> None:
    (table,) = tables(assembled)
    recall, relevance = table["R@10"], table["nDCG"]
    assert (
        recall["fixed with hardest"]
        < recall["permuted with hardest"]
        < recall["CMGSD with hardest"]
        < recall["fixed with smooth"]
    )
    level = [recall[f"{name} with smooth"] for name in ("fixed", "permuted", "CMGSD")]
    assert max(level) - min(level) < 1.5
    another_seed = abs(relevance["fixed with smooth, another seed"] - relevance["fixed with smooth"])
    for other in ("fixed", "permuted"):
        assert relevance["CMGSD with smooth"] - relevance[f"{other} with smooth"] > another_seed + 0.1
        assert 0.2 < relevance["CMGSD with smooth"] - relevance[f"{other} with smooth"] < 1
    assert relevance["teacher alone with smooth"] == max(relevance.values())
    assert relevance["model alone with smooth"] < relevance["fixed with smooth"] + 0.2


def test_per_anchor_the_model_stays_below_its_teacher(assembled: Any) -> None:
    ((own, frozen), _), *_ = found_with(assembled, "floor 50")
    assert float(own) < float(frozen) - 4


def test_most_of_the_correction_is_regression_to_the_mean(assembled: Any) -> None:
    false, true = (float(x) for x in found_with(assembled, "true negatives")[-1][0])
    assert true > 0.5 * false > 0
