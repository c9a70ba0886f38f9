"""Sentences: noun phrases, adverbials and sentence shapes that fit together."""

from random import Random
from typing import TypeVar

from cmgsd_lite.data.world.verbs import participle, third_person

Item = TypeVar("Item")
# Adverbials of time or circumstance do not follow a bare "is": "a dog is at night".
_NOT_AFTER_IS = {"at night", "in winter", "with the sea in view", "with water in the background"}
_NOT_IN_FRONT = {"with the sea in view", "with water in the background"}

# {np} noun phrase, {s} finite verb, {ing} participle, {pl} adverbial of place (may be empty).
_MOVING: tuple[str, ...] = (
    "{np} {s} {pl}", "{np} {s} {pl}", "{np} is {ing} {pl}", "{np} is {ing} {pl}", "{np} {ing} {pl}",
    "there is {np} {ing} {pl}", "we see {np} {ing} {pl}", "a video of {np} {ing} {pl}",
    "someone filmed {np} {ing} {pl}", "you can see {np} {ing} {pl}", "a clip of {np} {ing} {pl}",
    "the camera shows {np} {ing} {pl}", "in this video {np} is {ing} {pl}", "here is {np} {ing} {pl}",
    "this is a video of {np} {ing} {pl}", "this video shows {np} {ing} {pl}",
    "a short film of {np} {ing} {pl}",
    "in the clip there is {np} {ing} {pl}", "we watch {np} {ing} {pl}", "an animation of {np} {ing} {pl}",
)  # fmt: skip
_MOVING_FRONTED: tuple[str, ...] = ("{pl} {np} {s}", "{pl} {np} is {ing}", "{pl} there is {np} {ing}")
_RESTING: tuple[str, ...] = (
    "{np} {pl}", "there is {np} {pl}", "we see {np} {pl}", "a video of {np} {pl}", "a clip of {np} {pl}",
    "someone filmed {np} {pl}", "{np} can be seen {pl}", "you can see {np} {pl}",
    "the camera shows {np} {pl}", "{np} is shown {pl}", "here is {np} {pl}", "this is a video of {np} {pl}",
    "this video shows {np} {pl}", "a short film of {np} {pl}", "in the clip there is {np} {pl}",
    "an animation of {np} {pl}", "{np} appears {pl}", "we are looking at {np} {pl}",
)  # fmt: skip
_RESTING_FRONTED: tuple[str, ...] = ("{pl} there is {np}", "{pl} we see {np}")
_PLACE_ONLY: tuple[str, ...] = (
    "a scene {pl}", "a video filmed {pl}", "something {pl}", "a clip that was shot {pl}",
    "we see something {pl}", "this happens {pl}", "there is something {pl}",
)  # fmt: skip
_PAIR_MOVING: tuple[str, ...] = (
    "{np} is {ing} {pl} and there is also {np2}", "{np} {s} {pl} and there is also {np2}",
    "there is {np2} and {np} is {ing} {pl}", "{np} {s} {pl} and we also see {np2}",
    "we see {np2} while {np} is {ing} {pl}",
)  # fmt: skip
_PAIR_RESTING: tuple[str, ...] = (
    "{np} and {np2} {pl}", "we see {np} and {np2} {pl}", "a video of {np} and {np2} {pl}",
    "{np} and {np2} can be seen {pl}", "there is {np} with {np2} {pl}", "someone filmed {np} and {np2} {pl}",
)  # fmt: skip
_PLURAL: tuple[str, ...] = ("{np} {pl}", "there are {np} {pl}", "we see {np} {pl}", "a video of {np} {pl}",
           "{np} can be seen {pl}", "someone filmed {np} {pl}")  # fmt: skip


def choose(rng: Random, items: tuple[Item, ...] | list[Item]) -> Item:
    """One of the items, each as likely."""
    return items[int(rng.random() * len(items))]


def article(words: str) -> str:
    """`a` or `an` before these words, by sound: a ufo, an umbrella."""
    return f"an {words}" if words[0] in "aeiou" and not words.startswith("ufo") else f"a {words}"


def noun_phrase(noun: str, colour: str) -> str:
    """`a red dog`, `an animal`, `something red`; an empty noun is `something`."""
    if not noun:
        return f"something {colour}".strip()
    return article(f"{colour} {noun}".strip())


def plural(noun: str) -> str:
    """`two` of them."""
    return f"two {noun}s"


def sentence(rng: Random, np: str, verb: str, place: str) -> str:
    """A sentence about one subject; verb is a base form or empty, place an adverbial or empty."""
    shapes = _MOVING if verb else _RESTING
    if place and place not in _NOT_IN_FRONT:
        shapes += _MOVING_FRONTED if verb else _RESTING_FRONTED
    if place and not verb and place not in _NOT_AFTER_IS:
        shapes += ("{np} is {pl}",)
    if not verb and np == "something":
        shapes = _PLACE_ONLY
    return _fill(choose(rng, shapes), np, verb, place)


def pair_sentence(rng: Random, np: str, np2: str, verb: str, place: str) -> str:
    """A sentence about two subjects, the first of which may do something."""
    shapes = _PAIR_MOVING if verb else _PAIR_RESTING
    if place and not verb and place not in _NOT_AFTER_IS:
        shapes += ("{np} and {np2} are {pl}",)
    return _fill(choose(rng, shapes), np, verb, place, np2)


def plural_sentence(rng: Random, np: str, place: str) -> str:
    """A sentence about `two animals`."""
    shapes = _PLURAL
    if place and place not in _NOT_AFTER_IS:
        shapes += ("{np} are {pl}",)
    return _fill(choose(rng, shapes), np, "", place)


def _fill(shape: str, np: str, verb: str, place: str, np2: str = "") -> str:
    ends = {"s": third_person(verb), "ing": participle(verb)} if verb else {}
    return " ".join(shape.format(np=np, np2=np2, pl=place, **ends).split())
