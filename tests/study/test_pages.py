"""Places in pages: numbers come from the summary, and a sentence that no longer holds is refused."""

import pytest

from study.pages import fill


def entry(difference, low, high):
    return {"difference": difference, "low": low, "high": high}


SUMMARY = {
    "sets": {
        "minivtt": {
            "stands for": {"best plain": "smooth"},
            "choice": {"rows": {"smooth": {"value": 0.05}}},
            "rows": {"smooth": {"confirm": {"R@10": [51.234, 0.2]}}},
            "pairs": {"smooth": {"mask": {"R@10": entry(0.5, 0.1, 0.9), "nDCG": entry(-0.1, -0.3, 0.1)}}},
            "comparisons": [{"first": "mask", "second": "smooth", "seen": {"R@10": entry(1.0, 0.4, 1.6)}}],
        }
    },
    "seeds": [8, 9],
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{diff minivtt | mask | best plain | R@10}.", "+0.50 [+0.10, +0.90]."),
        ("{seen minivtt | mask | smooth | R@10}", "+1.00 [+0.40, +1.60]"),
        ("{mean minivtt | best plain | R@10}", "51.2"),
        ("at {knob minivtt | smooth}", "at 0.05"),
        ("{at seeds | 1}", "9"),
        ("{holds diff minivtt | mask | smooth | R@10 > 0}\nIt helps.", "It helps."),
        ("{holds diff minivtt | mask | smooth | nDCG ~ 0}Open.", "Open."),
        ("no {place} of ours", "no {place} of ours"),
    ],
)
def test_places_are_filled(template, text):
    assert fill(template, SUMMARY) == text


@pytest.mark.parametrize("claim", ["R@10 < 0", "R@10 ~ 0", "nDCG > 0", "nDCG < 0"])
def test_a_sentence_that_does_not_hold_is_refused(claim):
    with pytest.raises(ValueError, match="write the sentence anew"):
        fill(f"{{holds diff minivtt | mask | smooth | {claim}}}", SUMMARY)


@pytest.mark.parametrize(
    "place",
    [
        "{diff minivtt | mask | hardest | R@10}",
        "{mean minivtt | smooth | mAP}",
        "{at seeds | 7}",
        "{holds diff minivtt | mask | hardest | R@10 > 0}",
        "{diff minivtt | mask}",
    ],
)
def test_a_place_without_a_number_is_named(place):
    with pytest.raises(ValueError, match="no such"):
        fill(place, SUMMARY)
