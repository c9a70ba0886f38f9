"""Scenes: what is in a clip, drawn at random from the vocabulary, as plain data."""

from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from cmgsd_lite.data.world.vocabulary import (
    COLOURS,
    ENTITIES,
    MOTION_AFFINITY,
    MOTIONS,
    PLACE_AFFINITY,
    PLACES,
)

Item = TypeVar("Item")
SEED = 0  # of the embedded data set
SECOND_SUBJECT_RATE = 0.25
AFFINITY = 3.0


@dataclass(frozen=True)
class Subject:
    """A figure of a clip: names from the vocabulary."""

    entity: str
    colour: str
    motion: str


@dataclass(frozen=True)
class Scene:
    """All that is true of a clip (place, one or two subjects) and a seed for all that is not."""

    place: str
    subjects: tuple[Subject, ...]
    seed: int

    @property
    def static(self) -> bool:
        """Whether no subject moves."""
        return all(subject.motion == "still" for subject in self.subjects)

    def to_json(self) -> dict[str, Any]:
        """Plain dict, as it lies in the annotation files."""
        subjects = [{"entity": s.entity, "colour": s.colour, "motion": s.motion} for s in self.subjects]
        return {"place": self.place, "subjects": subjects, "seed": self.seed}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Scene":
        """Inverse of `to_json`."""
        subjects = tuple(Subject(s["entity"], s["colour"], s["motion"]) for s in value["subjects"])
        return cls(value["place"], subjects, int(value["seed"]))


def pick(rng: Random, items: list[Item], weights: list[float]) -> Item:
    """One item with probability proportional to its weight.

    Only `Random.random` is used anywhere in the world: Python promises its stream for a seed for ever,
    while numpy may change its streams, and the committed scenes must be rebuilt byte for byte.
    """
    threshold = rng.random() * sum(weights)
    for item, weight in zip(items, weights, strict=True):
        threshold -= weight
        if threshold < 0:
            return item
    return items[-1]


def zipf(count: int, exponent: float) -> list[float]:
    """Weights rank ** -exponent: a long tail."""
    return [rank**-exponent for rank in range(1, count + 1)]


def draw_subject(rng: Random) -> Subject:
    """An entity by its frequency, a colour, and a motion that its group prefers."""
    entity = pick(rng, list(ENTITIES), zipf(len(ENTITIES), 0.8))
    colour = pick(rng, list(COLOURS), zipf(len(COLOURS), 0.4))
    preferred = MOTION_AFFINITY[entity.group]
    weights = [
        weight * (AFFINITY if motion in preferred else 1)
        for motion, weight in zip(MOTIONS, zipf(len(MOTIONS), 0.3), strict=True)
    ]
    return Subject(entity.name, colour, pick(rng, list(MOTIONS), weights))


def draw_scene(rng: Random) -> Scene:
    """A place that suits the first subject, and in part of the clips a second one of another kind."""
    first = draw_subject(rng)
    group = next(entity.group for entity in ENTITIES if entity.name == first.entity)
    weights = [
        weight * (AFFINITY if place in PLACE_AFFINITY[group] else 1)
        for place, weight in zip(PLACES, zipf(len(PLACES), 0.3), strict=True)
    ]
    place = pick(rng, list(PLACES), weights)
    subjects = [first]
    if rng.random() < SECOND_SUBJECT_RATE:
        second = draw_subject(rng)
        while second.entity == first.entity:
            second = draw_subject(rng)
        subjects.append(second)
    return Scene(place, tuple(subjects), int(rng.random() * 2**31))


def clip_scene(seed: int, index: int) -> Scene:
    """Scene of clip number `index`; each clip has a stream of its own, so any slice can be rebuilt alone."""
    return draw_scene(Random(f"minivtt scene {seed} {index}"))
