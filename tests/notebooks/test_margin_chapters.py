"""What chapters 04 and 05 say in prose holds in the outputs that are stored with them."""

import re
from typing import Any

import nbformat
import pytest
import torch

from cmgsd_lite.course.known import KnownWorld
from cmgsd_lite.evaluation.agreement import area_under_curve
from cmgsd_lite.margins import off_diagonal, zscore_margin
from tests.notebooks.chapters import build_tool, code_cells, markdown, output_texts, outputs

build = build_tool()


def chapter(name: str) -> Any:
    path = build.target(build.SOURCE / f"{name}.py", "student")
    return nbformat.read(path, as_version=4)


@pytest.fixture(scope="module")
def margins() -> Any:
    return chapter("04_deriving_the_margin")


@pytest.fixture(scope="module")
def teachers() -> Any:
    return chapter("05_measuring_distance")


def printed(notebook: Any) -> str:
    return "\n".join(text for output in outputs(notebook) for text in output_texts(output))


def numbers(line: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", line)]


def line_of(notebook: Any, start: str) -> list[float]:
    found = [line for line in printed(notebook).splitlines() if line.startswith(start)]
    assert found, f"no line {start!r}"
    return numbers(found[0].removeprefix(start))


def tables(notebook: Any) -> list[dict[str, list[float]]]:
    """The tables that the cells show, as rows of numbers by name."""
    found = []
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "execute_result" and "<table" in output.data.get("text/html", ""):
                rows = [re.split(r"\s{2,}", line) for line in output.data["text/plain"].splitlines()[1:]]
                found.append({name: [float(x) for x in values] for name, *values in rows})
    return found


def test_the_neighbours_are_right_for_the_vague_caption_alone(margins: Any) -> None:
    lines = printed(margins).splitlines()
    answers = {
        text: re.findall(r"not true|true", next(line for line in lines if line.startswith(text)))
        for text in ("someone filmed an animal", "a puppy heads to the left")
    }
    assert answers["someone filmed an animal"] == ["true"] * 4
    assert sorted(answers["a puppy heads to the left"]) == ["not true"] * 3 + ["true"]


def test_a_margin_of_the_similarity_grows_while_pairs_are_pushed_and_tells_none_apart(margins: Any) -> None:
    first, last = line_of(margins, "      0.65"), line_of(margins, "      0.35")
    for of_sim_false, of_sim_true, of_known_false, of_known_true in (first, last):
        assert of_sim_false == of_sim_true
        assert of_known_true >= 2 * of_known_false
    assert last[0] >= 1.25 * first[0]
    assert last[2:] == first[2:], "those of a distance stay"


def test_the_leak_costs_more_with_a_large_beta_and_the_clip_nothing(margins: Any) -> None:
    small, large = (line_of(margins, f"beta {beta}: R@10")[:2] for beta in ("0.05", "0.20"))
    assert large[0] - large[1] >= 3 > small[0] - small[1] >= -1
    fixed = line_of(margins, "chance: ")[1]
    assert fixed > max(*small, *large), "the fixed margin does better"
    with_clip, without = line_of(margins, "trained at beta .10: R@10")
    assert abs(with_clip - without) <= 1


def test_the_diagonal_raises_the_mean_and_yet_makes_margins_too_small(margins: Any) -> None:
    for name in ("captions        spread", "video features  spread"):
        spread, mean, too_small = line_of(margins, name)
        assert spread < 0.05
        assert mean > 0.2
        assert too_small > 20


def test_the_table_of_four_programs_is_what_they_give(margins: Any) -> None:
    world = KnownWorld()
    model, found = world.model(0).eval(), {}
    for size in (16, 128):
        (batch,) = world.batches(1, seed=2, size=size)
        with torch.no_grad():
            sim = model(world.train.text[batch.captions], *world.train.videos(batch.videos)).sim
        d = batch.distances("text")
        made = {
            "A": zscore_margin(d, 0.2, 0.15, recentre=False),
            "B": 0.2 + 0.15 * (d - d.mean()) / d.std(correction=0),
            "C": zscore_margin(d, 0.2, 0.15),
            "D": zscore_margin(1 - sim, 0.2, 0.15),
        }
        for run, margin in made.items():
            m, s = off_diagonal(margin).flatten(), off_diagonal(sim).flatten()
            together = torch.corrcoef(torch.stack([m, s]))[0, 1]
            found[run, size] = [float(x) for x in (m.mean(), m.min(), m.std(correction=0), together)]
    for run in "ABCD":
        (line,) = (line for line in markdown(margins).splitlines() if line.startswith(f"| {run} |"))
        told = [[float(x) for x in cell.replace("−", "-").split(",")] for cell in line.split("|")[2:-1]]
        for column, values in enumerate(told):
            for size, value in zip((16, 128), values, strict=True):
                assert value == pytest.approx(found[run, size][column], abs=0.051 if column == 3 else 0.0055)


def test_directed_is_ahead_on_minivtt_and_people_do_not_confirm_it(teachers: Any) -> None:
    found, people, end = tables(teachers)
    for i in range(4):
        assert found["directed"][i] >= max(found["text"][i], found["video"][i]) + 3
        assert end["directed"][i] > end["model: text"][i]
    assert 20 <= found["text"][3] <= 30, "of its nearest pairs three of four are no false negatives"
    for directed, text, containment in zip(
        *(people[n] for n in ("directed", "text", "containment")), strict=True
    ):
        assert text - 1.5 <= directed <= text
        assert containment < directed


def test_the_model_is_a_better_teacher_over_the_batch_and_a_worse_one_per_caption(teachers: Any) -> None:
    end = tables(teachers)[2]
    model, text = end["model: text"], end["text"]
    assert model[0] < text[0] - 2
    assert all(model[i] > text[i] + 2 for i in (1, 2, 3))
    video, untrained, trained = (end[name] for name in ("video", "untrained: video", "model: video"))
    assert untrained[0] > video[0], "untrained it is ahead already"
    assert all(t > u and t > v for t, u, v in zip(trained, untrained, video, strict=True))
    of_text, of_model, of_directed = line_of(teachers, "vague captions are nearer by:")
    assert of_text + 0.3 <= min(of_model, of_directed)


def test_the_clips_of_the_first_table_have_their_distances(teachers: Any) -> None:
    (batch,) = KnownWorld().batches(1)
    told = re.findall(r"^\| [a-z]+ [a-z]+, .*\| (?:no|\*\*yes\*\*) \| (\.\d\d) \|$", markdown(teachers), re.M)
    rows = [105, 110, 13, 114, 89]
    assert [float(x) for x in told] == pytest.approx(batch.distances("text")[96, rows].tolist(), abs=0.0055)
    assert batch.true_of("a puppy heads to the left")[rows].tolist() == [False, True, True, False, False]


def test_the_captions_for_which_another_teacher_is_ahead() -> None:
    (batch,) = KnownWorld().batches(1)
    teachers = ("text", "video", "directed")
    for text, ahead, behind in (
        ("in the clip there is something shaking", "video", "text"),
        ("the camera shows a crimson animal on a snowy field", "video", "text"),
        ("you can see a football on the street", "text", "directed"),
        ("someone filmed a thing going from right to left", "text", "directed"),
    ):
        i = batch.texts.index(text)
        others = torch.arange(128) != i
        true = batch.true[i][others]
        area = {}
        for name in teachers:
            d = batch.distances(name)[i][others]
            area[name] = area_under_curve(d[true], d[~true])
        assert area[ahead] > area[behind], text
