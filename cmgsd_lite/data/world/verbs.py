"""Verb phrases for motions, and their English endings."""

_GENERIC: dict[str, tuple[str, ...]] = {
    "right": ("move to the right", "go from left to right", "head to the right", "travel to the right"),
    "left": ("move to the left", "go from right to left", "head to the left", "travel to the left"),
    "up": ("rise", "rise into the air", "move upwards", "go up"),
    "down": ("fall", "fall down", "move downwards", "come down"),
    "bounce": ("bounce", "bounce up and down", "jump up and down", "jump"),
    "still": ("stand still", "stay in one place", "stay where it is"),
    "near": ("come closer", "come towards us", "approach the camera", "get bigger and bigger"),
    "away": ("move away", "get smaller and smaller", "go off into the distance", "go away from the camera"),
    "spin": ("spin", "spin around", "rotate", "turn round and round"),
    "circle": ("move in a circle", "go around in a circle", "go round in circles"),
    "shake": ("shake", "tremble", "shiver", "vibrate"),
    "swing": ("swing", "swing from side to side", "sway from side to side", "swing like a pendulum"),
    "back and forth": ("move back and forth", "go back and forth"),
    "across": ("cross the picture", "move across the screen", "go past", "pass by"),
    "any motion": ("move", "move", "is in motion|in motion"),
}

# "@" stands for the verb of the kind. Vague nouns take generic verbs alone: "an animal flies" would say
# more than its claim does.
_WITH_KIND: dict[str, tuple[str, ...]] = {
    "right": ("@ to the right", "@ from left to right"),
    "left": ("@ to the left", "@ from right to left"),
    "near": ("@ towards us", "@ towards the camera"),
    "away": ("@ away", "@ off into the distance"),
    "circle": ("@ in a circle", "@ around in circles"),
    "back and forth": ("@ back and forth",),
    "across": ("@ past", "@ by", "@ across the picture"),
}
_AIRBORNE = {"up": ("@ up", "@ higher and higher"), "down": ("@ down", "@ lower and lower")}
_KINDS: dict[str, tuple[str, ...]] = {
    "run": ("run", "run", "walk"),
    "hop": ("hop",),
    "crawl": ("crawl", "creep"),
    "fly": ("fly",),
    "swim": ("swim",),
    "drive": ("drive",),
    "sail": ("sail",),
    "float": ("float", "drift"),
    "thing": ("glide", "slide"),
}
_SPECIAL: dict[tuple[str, str], tuple[str, ...]] = {
    ("run", "still"): ("stand still", "sit still"),
    ("drive", "still"): ("is parked|parked",),
    ("fly", "still"): ("hover in one place",),
    ("float", "still"): ("hover in one place", "hang in the air"),
    ("hop", "bounce"): ("hop up and down",),
    ("thing", "down"): ("drop", "drop to the ground"),
    ("fly", "circle"): ("circle in the air",),
}
# Phrases that say motion and place at once: (kind, motion, place) -> phrases.
JOINT: dict[tuple[str, str, str], tuple[str, ...]] = {
    ("drive", "across", "city"): (
        "drive down the street",
        "drive along the street",
        "drive through the city",
    ),
    ("run", "across", "city"): ("walk down the street", "run along the street"),
    ("run", "across", "beach"): ("run along the beach", "walk along the beach"),
    ("run", "across", "snow"): ("run through the snow", "walk through the snow"),
    ("run", "across", "forest"): ("run through the forest", "walk through the woods"),
    ("swim", "across", "sea"): ("swim across the sea", "swim through the waves"),
    ("sail", "across", "sea"): ("sail across the sea", "sail over the waves"),
    ("fly", "across", "sea"): ("fly over the sea", "fly across the ocean"),
    ("fly", "across", "mountain"): ("fly past the mountains",),
    ("drive", "across", "desert"): ("drive through the desert", "drive across the desert"),
}
_PARTICIPLES = {"run": "running", "hop": "hopping", "swim": "swimming", "spin": "spinning", "get": "getting",
                "drop": "dropping", "sit": "sitting"}  # fmt: skip
_WET = {"swim", "sail"}


def verb_phrases(motion: str, kind: str | None, place: str) -> list[str]:
    """Base forms that say a motion (or class of motions).

    ``kind`` is the entity's, or None for vague nouns; things swim and sail only where the sentence says the
    sea.
    """
    phrases = list(_GENERIC[motion])
    if kind is None or (kind in _WET and place != "sea"):
        return phrases
    patterns = _WITH_KIND.get(motion, ())
    if kind in ("fly", "float"):
        patterns = _AIRBORNE.get(motion, patterns)
    special = list(_SPECIAL.get((kind, motion), ()))
    own = [pattern.replace("@", verb) for pattern in patterns for verb in _KINDS[kind]] + special
    return own * 2 + phrases


def third_person(phrase: str) -> str:
    """`run to the right` -> `runs to the right`; `a|b` gives its first half."""
    if "|" in phrase:
        return phrase.split("|")[0]
    verb, _, rest = phrase.partition(" ")
    if verb.endswith("y") and verb[-2] not in "aeo":
        verb = verb[:-1] + "ies"
    else:
        verb += "es" if verb.endswith(("o", "s", "sh", "ch", "x")) else "s"
    return f"{verb} {rest}".strip()


def participle(phrase: str) -> str:
    """`run to the right` -> `running to the right`; `a|b` gives its second half."""
    if "|" in phrase:
        return phrase.split("|")[1]
    verb, _, rest = phrase.partition(" ")
    if verb in _PARTICIPLES:
        verb = _PARTICIPLES[verb]
    elif verb.endswith("e") and not verb.endswith("ee"):
        verb = verb[:-1] + "ing"
    else:
        verb += "ing"
    return f"{verb} {rest}".strip()
