"""Captions: which facets of a scene a describer says, in which words, and what that claims."""

from dataclasses import dataclass, replace
from random import Random

from cmgsd_lite.data.world.grammar import (
    choose,
    noun_phrase,
    pair_sentence,
    plural,
    plural_sentence,
    sentence,
)
from cmgsd_lite.data.world.scenes import Scene, Subject, pick
from cmgsd_lite.data.world.truth import Claim, claims_true
from cmgsd_lite.data.world.verbs import JOINT, verb_phrases
from cmgsd_lite.data.world.vocabulary import (
    CLASSES,
    COLOUR_NEIGHBOUR,
    COLOURS,
    ENTITIES,
    ENTITY,
    MOTION_CLASSES,
    MOTION_MISTAKE,
    PLACE_CLASSES,
    PLACE_MISTAKE,
    PLACES,
)

NOISE_RATE = 0.04
_SECOND_RATE, _PAIR_RATE, _PLURAL_RATE = 0.22, 0.22, 0.06  # of the captions of clips with two subjects


@dataclass(frozen=True)
class Variant:
    """How much captions say: the fewer facets, the more clips a caption is true of.

    `colour`, `motion`, `place` are the probabilities that the facet is said; `name` and `group` those that
    the subject is called by its name or a vague word ("something" otherwise); `vague` is the probability
    that a motion or place that is said is said vaguely ("moves", "outdoors").
    """

    colour: float
    motion: float
    place: float
    name: float
    group: float
    vague: float


VARIANTS: dict[str, Variant] = {
    "low": Variant(colour=0.50, motion=0.75, place=0.55, name=0.85, group=0.12, vague=0.05),
    "default": Variant(colour=0.36, motion=0.62, place=0.46, name=0.74, group=0.20, vague=0.10),
    "high": Variant(colour=0.22, motion=0.45, place=0.35, name=0.52, group=0.33, vague=0.20),
}


@dataclass(frozen=True)
class Caption:
    """A sentence, what it claims, and whether its describer made a mistake (the claim is false then)."""

    text: str
    claim: Claim
    noise: bool = False


def clip_captions(scene: Scene, variant: str, seed: int, index: int) -> list[Caption]:
    """The 10 to 20 captions of a clip; how many is the same in every variant."""
    count = 10 + int(Random(f"minivtt count {seed} {index}").random() * 11)
    rng = Random(f"minivtt captions {variant} {seed} {index}")
    captions: list[Caption] = []
    seen: set[str] = set()
    for _ in range(count):
        caption = _draw(scene, VARIANTS[variant], rng)
        for _ in range(20):
            if caption.text not in seen:
                break
            caption = _draw(scene, VARIANTS[variant], rng)
        seen.add(caption.text)
        captions.append(caption)
    return captions


def _draw(scene: Scene, variant: Variant, rng: Random) -> Caption:
    """A caption; a mistaken one must really be false of its own scene."""
    noise = rng.random() < NOISE_RATE
    while True:
        seen = _mistake(scene, rng) if noise else scene
        caption = _describe(seen, variant, rng)
        if caption is not None and bool(claims_true([caption.claim], [scene])[0, 0]) != noise:
            return replace(caption, noise=noise)


def _mistake(scene: Scene, rng: Random) -> Scene:
    """The scene as a hasty describer takes it: one facet of it wrong."""
    facet = choose(rng, ("colour", "motion", "place", "entity"))
    if facet == "place":
        return replace(scene, place=PLACE_MISTAKE[scene.place])
    which = int(rng.random() * len(scene.subjects))
    subject = scene.subjects[which]
    if facet == "colour":
        wrong = replace(subject, colour=COLOUR_NEIGHBOUR[subject.colour])
    elif facet == "motion":
        wrong = replace(subject, motion=MOTION_MISTAKE[subject.motion])
    else:
        group = ENTITY[subject.entity].group
        wrong = replace(subject, entity=choose(rng, [e.name for e in ENTITIES if e.group == group]))
    return replace(scene, subjects=tuple(wrong if n == which else s for n, s in enumerate(scene.subjects)))


def _describe(scene: Scene, variant: Variant, rng: Random) -> Caption | None:
    """One draw; None if it would say nothing."""
    if len(scene.subjects) == 2:
        draw = rng.random()
        if draw < _PLURAL_RATE:
            return _describe_plural(scene, variant, rng)
        if draw < _PLURAL_RATE + _PAIR_RATE:
            return _describe_pair(scene, variant, rng)
        which = 1 if draw < _PLURAL_RATE + _PAIR_RATE + _SECOND_RATE else 0
        return _describe_one(scene.subjects[which], scene.place, variant, rng)
    return _describe_one(scene.subjects[0], scene.place, variant, rng)


def _describe_one(subject: Subject, place: str, variant: Variant, rng: Random) -> Caption | None:
    noun, entity_term = _noun(subject, variant, rng)
    colour_word, colour_term = _colour(subject, variant, rng)
    place_word, place_term = _place(place, variant, rng)
    verb, motion_term, joint = _verb(subject, entity_term, place_term, variant, rng)
    if not noun and (motion_term == "still" or not (colour_term or motion_term or place_term)):
        return None  # "something" alone says nothing, and sofas stand still, too
    text = sentence(rng, noun_phrase(noun, colour_word), verb, "" if joint else place_word)
    return Caption(text, Claim(entity_term, colour_term, motion_term, place_term))


def _describe_pair(scene: Scene, variant: Variant, rng: Random) -> Caption | None:
    first, second = scene.subjects if rng.random() < 0.6 else scene.subjects[::-1]
    noun, entity_term = _noun(first, variant, rng)
    noun2, entity_term2 = _noun(second, variant, rng)
    if not noun or not noun2 or entity_term == entity_term2:
        return None
    colour_word, colour_term = _colour(first, variant, rng)
    colour_word2, colour_term2 = _colour(second, variant, rng)
    place_word, place_term = _place(scene.place, variant, rng)
    verb, motion_term, joint = _verb(first, entity_term, place_term, variant, rng, share=0.5)
    pair = noun_phrase(noun, colour_word), noun_phrase(noun2, colour_word2)
    text = pair_sentence(rng, *pair, verb, "" if joint else place_word)
    return Caption(text, Claim(entity_term, colour_term, motion_term, place_term, entity_term2, colour_term2))


def _describe_plural(scene: Scene, variant: Variant, rng: Random) -> Caption | None:
    groups = {ENTITY[subject.entity].group for subject in scene.subjects}
    fitting = [term for term, (members, _) in CLASSES.items() if groups <= members]
    if not fitting:
        return None
    term = choose(rng, fitting)
    place_word, place_term = _place(scene.place, variant, rng)
    text = plural_sentence(
        rng, plural(choose(rng, CLASSES[term][1]).replace("aircraft", "flying machine")), place_word
    )
    return Caption(text, Claim(entity=term, place=place_term, other_entity=term))


def _noun(subject: Subject, variant: Variant, rng: Random) -> tuple[str, str]:
    """Word and term for a subject; the first word of a list is the usual one."""
    entity, draw = ENTITY[subject.entity], rng.random()
    if draw < variant.name:
        weights = [3.0] + [1.0] * (len(entity.words) - 1)
        return pick(rng, list(entity.words), weights), entity.name
    if draw < variant.name + variant.group:
        fitting = [term for term, (members, _) in CLASSES.items() if entity.group in members]
        term = choose(rng, fitting)
        return choose(rng, CLASSES[term][1]), term
    return "", ""


def _colour(subject: Subject, variant: Variant, rng: Random) -> tuple[str, str]:
    if rng.random() >= variant.colour:
        return "", ""
    words = COLOURS[subject.colour][1]
    return pick(rng, list(words), [4.0] + [1.0] * (len(words) - 1)), subject.colour


def _place(place: str, variant: Variant, rng: Random) -> tuple[str, str]:
    if rng.random() >= variant.place:
        return "", ""
    vague = [term for term, (members, _) in PLACE_CLASSES.items() if place in members]
    if vague and rng.random() < variant.vague:
        term = choose(rng, vague)
        return choose(rng, PLACE_CLASSES[term][1]), term
    return choose(rng, PLACES[place]), place


def _verb(
    subject: Subject, entity_term: str, place_term: str, variant: Variant, rng: Random, share: float = 1.0
) -> tuple[str, str, bool]:
    """Base verb phrase, motion term and whether the phrase says the place as well."""
    if rng.random() >= variant.motion * share:
        return "", "", False
    kind = ENTITY[entity_term].kind if entity_term in ENTITY else None
    joint = JOINT.get((kind or "", "across", place_term), ())
    across = subject.motion in MOTION_CLASSES["across"]
    if joint and across and rng.random() < 0.5:
        return choose(rng, joint), "across", True
    motion = subject.motion
    if motion != "still" and rng.random() < variant.vague:
        motion = "across" if across and rng.random() < 0.6 else "any motion"
    return choose(rng, verb_phrases(motion, kind, place_term)), motion, False
