"""What there is in the world: entities, colours, motions and places, and the words for them.

Everything else (scenes, drawing, captions, truth) reads these tables. A word belongs to exactly one
term of one facet, and a term is true of a fixed set of values, so that truth is complete by construction.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entity:
    """One kind of figure: its glyph, how it moves through the world and what people call it."""

    name: str
    glyph: str
    group: str
    kind: str  # chooses verbs: run, hop, crawl, fly, swim, drive, sail, float, thing
    habitat: str  # ground, air or water
    words: tuple[str, ...]
    facing: int = -1  # side the glyph looks to as drawn: -1 left, 1 right, 0 neither
    turn: float = 0.0  # degrees, counter-clockwise, that bring the glyph to its rest pose
    points: bool = False  # the nose follows the path (in rest pose it points to the right)


def _entity(line: str) -> Entity:
    name, glyph, group, kind, habitat, words, *more = (part.strip() for part in line.split("|"))
    options = dict(item.split("=") for item in more)
    return Entity(
        name,
        glyph,
        group,
        kind,
        habitat,
        tuple(word.strip() for word in words.split(",")),
        facing=int(options.get("facing", -1)),
        turn=float(options.get("turn", 0)),
        points="points" in options,
    )


# In order of frequency (Zipf): common things first, as dogs and cars are in MSR-VTT.
ENTITIES: tuple[Entity, ...] = tuple(
    _entity(line)
    for line in """
    dog        | 🐕 | animal | run | ground | dog, puppy, doggy
    car        | 🚗 | vehicle | drive | ground | car, automobile
    cat        | 🐈 | animal | run | ground | cat, kitty, kitten
    sparrow    | 🐦 | bird | fly | air | sparrow, songbird
    horse      | 🐎 | animal | run | ground | horse, pony
    ball       | ⚽ | toy | thing | ground | ball, soccer ball, football | facing=0
    airplane   | ✈ | aircraft | fly | air | airplane, plane, jet | facing=0 | turn=-45 | points=1
    fish       | 🐟 | sea animal | swim | water | fish
    guitar     | 🎸 | instrument | thing | ground | guitar, electric guitar | facing=0 | turn=30
    bus        | 🚌 | vehicle | drive | ground | bus, coach
    robot      | 🤖 | toy | thing | ground | robot | facing=0
    balloon    | 🎈 | toy | float | air | balloon | facing=0
    rabbit     | 🐇 | animal | hop | ground | rabbit, bunny
    bicycle    | 🚲 | vehicle | drive | ground | bicycle, bike
    duck       | 🦆 | bird | fly | water | duck
    butterfly  | 🦋 | insect | fly | air | butterfly | facing=0
    truck      | 🚚 | vehicle | drive | ground | truck, lorry
    cow        | 🐄 | animal | run | ground | cow
    umbrella   | ☂ | object | thing | ground | umbrella, parasol | facing=0
    sailboat   | ⛵ | vehicle | sail | water | sailboat, sailing boat, boat | facing=0
    turtle     | 🐢 | animal | crawl | ground | turtle, tortoise
    teddy      | 🧸 | toy | thing | ground | teddy bear, teddy | facing=0
    helicopter | 🚁 | aircraft | fly | air | helicopter, chopper
    pig        | 🐖 | animal | run | ground | pig, piggy
    bee        | 🐝 | insect | fly | air | bee, honeybee
    drum       | 🥁 | instrument | thing | ground | drum | facing=0
    elephant   | 🐘 | animal | run | ground | elephant
    whale      | 🐳 | sea animal | swim | water | whale
    train      | 🚂 | vehicle | drive | ground | train, locomotive, steam engine
    key        | 🔑 | object | thing | ground | key | facing=0 | turn=-45
    owl        | 🦉 | bird | fly | air | owl | facing=0
    motorcycle | 🏍 | vehicle | drive | ground | motorcycle, motorbike
    kite       | 🪁 | toy | float | air | kite | facing=0
    snail      | 🐌 | animal | crawl | ground | snail
    rocket     | 🚀 | aircraft | fly | air | rocket, spaceship | facing=0 | turn=-45 | points=1
    penguin    | 🐧 | bird | hop | ground | penguin
    hat        | 🎩 | object | thing | ground | hat, top hat | facing=0
    monkey     | 🐒 | animal | run | ground | monkey
    dolphin    | 🐬 | sea animal | swim | water | dolphin
    tractor    | 🚜 | vehicle | drive | ground | tractor
    trumpet    | 🎺 | instrument | thing | ground | trumpet, horn | facing=0 | turn=-45
    giraffe    | 🦒 | animal | run | ground | giraffe
    parrot     | 🦜 | bird | fly | air | parrot
    octopus    | 🐙 | sea animal | swim | water | octopus | facing=0
    ladybug    | 🐞 | insect | crawl | ground | ladybug, ladybird | facing=0
    sheep      | 🐑 | animal | run | ground | sheep, lamb
    ufo        | 🛸 | aircraft | float | air | ufo, flying saucer | facing=0 | turn=14
    crab       | 🦀 | sea animal | crawl | ground | crab | facing=0
    """.strip().splitlines()
)
ENTITY: dict[str, Entity] = {entity.name: entity for entity in ENTITIES}
GROUPS: tuple[str, ...] = (
    "animal", "bird", "insect", "sea animal", "vehicle", "aircraft", "toy", "instrument", "object"
)  # fmt: skip
_LIVING = {"animal", "bird", "insect", "sea animal"}

# A vague word is true of every entity of these groups.
CLASSES: dict[str, tuple[set[str], tuple[str, ...]]] = {
    "any animal": (_LIVING, ("animal", "creature")),
    "any bird": ({"bird"}, ("bird",)),
    "any insect": ({"insect"}, ("insect", "bug")),
    "any sea animal": ({"sea animal"}, ("sea animal", "sea creature")),
    "any vehicle": ({"vehicle", "aircraft"}, ("vehicle",)),
    "any aircraft": ({"aircraft"}, ("aircraft", "flying machine")),
    "any toy": ({"toy"}, ("toy",)),
    "any instrument": ({"instrument"}, ("musical instrument", "instrument")),
    "any object": (set(GROUPS) - _LIVING, ("object", "thing")),
}

# Name, (red, green, blue) of the fill and words; in order of frequency.
COLOURS: dict[str, tuple[tuple[int, int, int], tuple[str, ...]]] = {
    "red": ((222, 38, 42), ("red", "bright red", "crimson")),
    "blue": ((38, 98, 226), ("blue", "bright blue")),
    "yellow": ((250, 212, 36), ("yellow", "golden")),
    "green": ((44, 164, 66), ("green", "bright green")),
    "white": ((250, 250, 250), ("white", "snow-white")),
    "orange": ((248, 132, 28), ("orange", "bright orange")),
    "black": ((56, 56, 64), ("black", "jet-black")),
    "pink": ((252, 134, 190), ("pink", "rosy")),
    "purple": ((134, 60, 190), ("purple", "violet")),
    "brown": ((134, 84, 46), ("brown", "chocolate-brown")),
}
# What a hasty annotator takes a colour for.
COLOUR_NEIGHBOUR: dict[str, str] = {
    "red": "orange", "blue": "purple", "yellow": "orange", "green": "blue", "white": "yellow",
    "orange": "red", "black": "brown", "pink": "red", "purple": "pink", "brown": "orange",
}  # fmt: skip

# Motions in order of frequency; families give half credit in graded relevance.
MOTIONS: dict[str, str] = {
    "right": "across", "left": "across", "up": "vertical", "bounce": "vertical", "still": "still",
    "near": "depth", "down": "vertical", "spin": "turning", "away": "depth", "circle": "turning",
    "shake": "in place", "back and forth": "across", "swing": "in place",
}  # fmt: skip
MOTION_CLASSES: dict[str, set[str]] = {
    "any motion": set(MOTIONS) - {"still"},
    "across": {"right", "left"},
}
MOTION_MISTAKE: dict[str, str] = {
    "right": "left", "left": "right", "up": "down", "down": "up", "near": "away", "away": "near",
    "bounce": "shake", "shake": "bounce", "spin": "circle", "circle": "spin", "swing": "shake",
    "back and forth": "right", "still": "shake",
}  # fmt: skip

# Places in order of frequency, with the adverbials that say them.
PLACES: dict[str, tuple[str, ...]] = {
    "meadow": ("in a meadow", "in a flowery meadow", "in a field of flowers"),
    "city": ("in the city", "on a city street", "in town", "on the street"),
    "beach": ("on the beach", "at the beach", "on a sandy beach"),
    "room": ("in a room", "indoors", "inside a house", "in the living room"),
    "forest": ("in the forest", "in the woods", "in a forest"),
    "sea": ("at sea", "on the ocean", "on the open sea"),
    "night": ("at night", "under the stars", "in the moonlight"),
    "snow": ("in the snow", "in winter", "on a snowy field"),
    "mountain": ("in the mountains", "in front of the mountains"),
    "desert": ("in the desert", "in a desert", "among the sand dunes"),
}
PLACE_CLASSES: dict[str, tuple[set[str], tuple[str, ...]]] = {
    "outdoors": (set(PLACES) - {"room"}, ("outdoors", "outside")),
    "sea in view": ({"beach", "sea"}, ("with the sea in view", "with water in the background")),
}
PLACE_MISTAKE: dict[str, str] = {
    "meadow": "forest", "city": "meadow", "beach": "desert", "room": "city", "forest": "meadow",
    "sea": "beach", "night": "forest", "snow": "mountain", "mountain": "meadow", "desert": "beach",
}  # fmt: skip

# Groups meet these places and motions three times as often as the others.
PLACE_AFFINITY: dict[str, tuple[str, ...]] = {
    "animal": ("meadow", "forest", "snow"), "bird": ("forest", "meadow", "mountain"),
    "insect": ("meadow", "forest"), "sea animal": ("sea", "beach"), "vehicle": ("city", "desert"),
    "aircraft": ("mountain", "night", "sea"), "toy": ("room", "beach", "meadow"),
    "instrument": ("room", "city"), "object": ("room", "night"),
}  # fmt: skip
MOTION_AFFINITY: dict[str, tuple[str, ...]] = {
    "animal": ("right", "left", "bounce", "still"), "bird": ("up", "left", "circle"),
    "insect": ("circle", "shake", "up"), "sea animal": ("right", "back and forth", "bounce"),
    "vehicle": ("right", "left", "near", "away"), "aircraft": ("up", "right", "away", "near"),
    "toy": ("bounce", "spin", "up", "down"), "instrument": ("shake", "swing", "still"),
    "object": ("spin", "down", "swing"),
}  # fmt: skip
