"""Entailment by loops: the obvious version that the package's truth is tested against."""

import itertools

from cmgsd_lite.data.world.vocabulary import CLASSES, ENTITY, MOTION_CLASSES, PLACE_CLASSES


def holds(claim, scene):
    """Whether some assignment of two subjects satisfies everything that is said."""
    if not _place_fits(claim.place, scene.place):
        return False
    two = bool(claim.other_entity or claim.other_colour)
    for first, second in itertools.permutations([*scene.subjects, None], 2):
        if first is None or (two and second is None):
            continue
        main = (
            _entity_fits(claim.entity, first)
            and claim.colour in ("", first.colour)
            and _motion_fits(claim.motion, first.motion)
        )
        other = not two or (
            _entity_fits(claim.other_entity, second) and claim.other_colour in ("", second.colour)
        )
        if main and other:
            return True
    return False


def _entity_fits(term, subject):
    return not term or term == subject.entity or ENTITY[subject.entity].group in CLASSES.get(term, ((),))[0]


def _motion_fits(term, motion):
    return not term or term == motion or motion in MOTION_CLASSES.get(term, ())


def _place_fits(term, place):
    return not term or term == place or place in PLACE_CLASSES.get(term, ((),))[0]
