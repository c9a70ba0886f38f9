"""What is true: does a caption's claim hold of a clip, and if not, how much of it does."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from cmgsd_lite.data.world.scenes import Scene
from cmgsd_lite.data.world.vocabulary import (
    CLASSES,
    COLOURS,
    ENTITIES,
    MOTION_CLASSES,
    MOTIONS,
    PLACE_CLASSES,
    PLACES,
)

BoolMatrix = npt.NDArray[np.bool_]
FloatMatrix = npt.NDArray[np.float32]
_Codes = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Claim:
    """What a caption says, as terms of the vocabulary; an empty facet is not said.

    `entity`, `colour` and `motion` must hold of one and the same subject; `other_entity` and
    `other_colour` of another subject of the same clip; `place` of the clip.
    """

    entity: str = ""
    colour: str = ""
    motion: str = ""
    place: str = ""
    other_entity: str = ""
    other_colour: str = ""

    def to_json(self) -> dict[str, str]:
        """The facets that are said."""
        return {facet: term for facet, term in asdict(self).items() if term}

    @classmethod
    def from_json(cls, value: dict[str, str]) -> "Claim":
        """Inverse of `to_json`."""
        return cls(**value)


FACETS: tuple[str, ...] = tuple(field.name for field in fields(Claim))


@dataclass(frozen=True)
class _Table:
    """`holds` and `credit` [term, value]; the first term says nothing, the last value is absent."""

    terms: dict[str, int]
    values: dict[str, int]
    holds: BoolMatrix
    credit: FloatMatrix


def _table(families: dict[str, str], classes: dict[str, set[str]]) -> _Table:
    """Terms are all values and all classes; values of one family get half credit for one another."""
    values = list(families)
    terms = ["", *values, *classes]
    holds = np.zeros((len(terms), len(values) + 1), dtype=bool)
    credit = np.zeros(holds.shape, dtype=np.float32)
    holds[0, :-1] = True
    for row, term in enumerate(terms[1:], start=1):
        for column, value in enumerate(values):
            holds[row, column] = value == term or value in classes.get(term, ())
            kin = families.get(term) == families[value]
            credit[row, column] = 1.0 if holds[row, column] else 0.5 * kin
    return _Table({t: n for n, t in enumerate(terms)}, {v: n for n, v in enumerate(values)}, holds, credit)


_ENTITY_CLASSES = {
    term: {entity.name for entity in ENTITIES if entity.group in groups}
    for term, (groups, _) in CLASSES.items()
}
_ENTITY_TABLE = _table({entity.name: entity.group for entity in ENTITIES}, _ENTITY_CLASSES)
_COLOUR_TABLE = _table({colour: colour for colour in COLOURS}, {})
_MOTION_TABLE = _table(MOTIONS, MOTION_CLASSES)
_PLACE_TABLE = _table(
    {place: place for place in PLACES}, {t: members for t, (members, _) in PLACE_CLASSES.items()}
)
_TABLES: dict[str, _Table] = {
    "entity": _ENTITY_TABLE, "colour": _COLOUR_TABLE, "motion": _MOTION_TABLE, "place": _PLACE_TABLE,
    "other_entity": _ENTITY_TABLE, "other_colour": _COLOUR_TABLE,
}  # fmt: skip


def claims_true(claims: Sequence[Claim], scenes: Sequence[Scene]) -> BoolMatrix:
    """Entailment: of which clips is each claim true? bool [claims, clips].

    A claim is true of a clip if its place holds and some subject satisfies entity, colour and motion at once;
    a claim about two subjects needs two different ones. "animal" is true of a dog, "moves" of any motion.
    Facets that are not said hold of everything.
    """
    codes, inverse = _unique_codes(claims)
    slots, places = _scene_codes(scenes)
    true = _best(_holds, np.logical_and, codes, slots) & _holds("place", codes, places)
    return true[inverse]


def graded_relevance(claims: Sequence[Claim], scenes: Sequence[Scene]) -> FloatMatrix:
    """Relevance of clips to claims, float32 [claims, clips]: 1 if the claim is true, else the share that is.

    The share is the mean over the facets that are said, each with the same weight: 1 if the facet holds, 0.5
    if a named entity is of the same group or a motion of the same family, else 0; for the assignment of
    subjects that gives most. It is below 1 exactly if the claim is not true.
    """
    codes, inverse = _unique_codes(claims)
    slots, places = _scene_codes(scenes)
    said = np.maximum((codes > 0).sum(axis=1), 1).astype(np.float32)
    share = (_best(_credit, np.add, codes, slots) + _credit("place", codes, places)) / said[:, None]
    true = _best(_holds, np.logical_and, codes, slots) & _holds("place", codes, places)
    share[true] = 1.0
    return np.asarray(share[inverse], dtype=np.float32)


def _unique_codes(claims: Sequence[Claim]) -> tuple[_Codes, _Codes]:
    """Distinct claims as term numbers [U, 6], and for each claim its row there."""
    rows = [[_TABLES[facet].terms[getattr(claim, facet)] for facet in FACETS] for claim in claims]
    codes = np.array(rows, dtype=np.intp).reshape(len(claims), len(FACETS))
    unique, inverse = np.unique(codes, axis=0, return_inverse=True)
    return unique, inverse.reshape(-1)


def _scene_codes(scenes: Sequence[Scene]) -> tuple[list[dict[str, _Codes]], _Codes]:
    """Value numbers of the first and the second subject of each scene (absent = last), and of its place."""
    slots = []
    for number in range(2):
        slot = {}
        for facet in ("entity", "colour", "motion"):
            values = _TABLES[facet].values
            subjects = [scene.subjects[number] if number < len(scene.subjects) else None for scene in scenes]
            slot[facet] = np.array(
                [len(values) if s is None else values[getattr(s, facet)] for s in subjects], dtype=np.intp
            )
        slots.append(slot)
    return slots, np.array([_PLACE_TABLE.values[scene.place] for scene in scenes], dtype=np.intp)


def _holds(facet: str, codes: _Codes, values: _Codes) -> BoolMatrix:
    """Where one facet of each claim holds of each value: [U, V]."""
    return _TABLES[facet].holds[:, values][codes[:, FACETS.index(facet)]]


def _credit(facet: str, codes: _Codes, values: _Codes) -> FloatMatrix:
    """What one facet of each claim earns at each value (0 if it is not said): [U, V]."""
    return _TABLES[facet].credit[:, values][codes[:, FACETS.index(facet)]]


def _best(
    of_facet: Callable[[str, _Codes, _Codes], npt.NDArray[Any]],
    joined: Callable[[Any, Any], npt.NDArray[Any]],
    codes: _Codes,
    slots: list[dict[str, _Codes]],
) -> npt.NDArray[Any]:
    """What the facets but the place give together, under the better assignment of subjects: [U, V]."""
    main = [reduce(joined, (of_facet(facet, codes, slot[facet]) for facet in slot)) for slot in slots]
    best: npt.NDArray[Any] = np.maximum(main[0], main[1])
    pairs = np.flatnonzero((codes[:, FACETS.index("other_entity") :] > 0).any(axis=1))
    some = codes[pairs]
    other = [
        joined(*(of_facet(f"other_{facet}", some, slot[facet]) for facet in ("entity", "colour")))
        for slot in slots
    ]
    best[pairs] = np.maximum(joined(main[0][pairs], other[1]), joined(main[1][pairs], other[0]))
    return best
