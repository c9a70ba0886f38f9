"""Sources of distance that are withheld from a CMGSD loss."""

import pytest
import torch

from cmgsd_lite.losses import CMGSDLoss
from cmgsd_lite.losses.selected import SOURCES, SelectedSourcesLoss


@pytest.mark.parametrize("source", SOURCES)
def test_a_withheld_source_changes_nothing(source):
    generator = torch.Generator().manual_seed(0)
    sim = torch.rand(5, 5, generator=generator)
    text, video, text_teacher, video_teacher = torch.randn(4, 5, 3, generator=generator)
    inputs = {"text": text, "video": video, "text_teacher": text_teacher, "video_teacher": video_teacher}
    argument = {"text_static": "text_teacher", "video_static": "video_teacher"}.get(
        source, source.split("_")[0]
    )
    schedule = source.split("_")[1]
    alone = SelectedSourcesLoss(CMGSDLoss(schedule=schedule), [source])(sim, **inputs)
    assert alone == CMGSDLoss(schedule=schedule)(sim, **{argument: inputs[argument]})
    assert alone != CMGSDLoss(schedule=schedule)(sim, **inputs)


def test_unknown_sources_are_refused():
    with pytest.raises(ValueError, match="sources"):
        SelectedSourcesLoss(CMGSDLoss(), ["audio_static"])
    with pytest.raises(ValueError, match="sources"):
        SelectedSourcesLoss(CMGSDLoss(), [])
