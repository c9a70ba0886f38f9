"""Words of captions in any spelling and script: the same text has the same words."""

import unicodedata

import numpy as np
import pytest

from cmgsd_lite.evaluation.relevance import caption_overlap, caption_words


@pytest.mark.parametrize(
    "text", ["un café à côté", "Überall Bäume", "tiếng Việt", "हिन्दी में लिखा", "\uac00\ub098 \ub2e4"]
)
def test_composed_and_decomposed_letters_are_one_word(text):
    words = {form: caption_words(unicodedata.normalize(form, text)) for form in ("NFC", "NFD")}
    assert words["NFC"] == words["NFD"]
    assert len(words["NFC"]) == len(text.split())


@pytest.mark.parametrize("apostrophe", ["\u2019", "\u2018", "\u02bc", "\uff07"])
def test_curly_apostrophes_are_straight_ones(apostrophe):
    straight = "the man's dog doesn't run"
    assert caption_words(straight.replace("'", apostrophe)) == caption_words(straight)


@pytest.mark.parametrize(
    ("one", "near", "far"),
    [
        ("一个男人在弹吉他", "男人弹吉他", "两只猫在睡觉"),
        ("犬が公園を走る", "公園で犬が走る", "女性が料理をする"),
        ("สุนัขวิ่งบนหาด", "สุนัขบนชายหาด", "ผู้หญิงทำอาหาร"),
    ],
)
def test_scripts_without_blanks_overlap_by_what_they_share(one, near, far):
    overlap = caption_overlap([one], [[near], [far]])[0]
    assert overlap[0] > overlap[1]
    assert overlap[0] > 0.1


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("apostrophe", ["'", "\u2019"])
def test_a_caption_in_another_spelling_is_still_the_query_itself(form, apostrophe):
    captions = ["un café d'été", "une rue"]
    query = unicodedata.normalize(form, captions[0]).replace("'", apostrophe)
    assert caption_overlap([query], [captions, ["un chien"]], [0])[0, 0] == 0


def test_a_single_character_and_mixed_scripts_have_words():
    assert caption_words("猫") == {"猫"}
    assert caption_words("DJが play_list を") == {"dj", "が", "play", "list", "を"}


def test_english_is_read_as_before():
    assert caption_words("Someone_else is riding rock'n'roll horses, 2 of them!") == {
        "els", "ride", "rock'n", "roll", "hors", "2",
    }  # fmt: skip
    assert np.array_equal(caption_overlap(["a dog"], [["the dog"]]), [[1.0]])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("\uff32\uff25\uff24 car \uff12", "red car 2"),  # full width
        ("STRASSE", "Straße"),
        ("co\u00adoperate", "cooperate"),  # a soft hyphen
        ("ﬁsh", "fish"),
        ("\uff76\uff9e\uff93", "ガモ"),  # half-width syllables
        ("می\u200cخواهم", "میخواهم"),  # a joiner inside a word
    ],
)
def test_compatible_spellings_are_one(one, other):
    assert caption_words(one, ()) == caption_words(other, ())


@pytest.mark.parametrize("sign", ["\U0001f436", "❤\ufe0f", "\u0301 ...", "\U0001f468\u200d\U0001f467"])
def test_signs_and_emoji_are_no_words(sign):
    assert caption_words(f"a dog {sign}", ()) == {"a", "dog"}


def test_a_caption_of_signs_has_no_words():
    assert caption_words("❤\ufe0f 🐶 ?!", ()) == caption_words("", ()) == frozenset()


def test_characters_of_scripts_without_blanks_are_words_with_their_marks():
    assert caption_words("小猫", ()) == {"小", "猫", "小猫"}
    assert caption_words("猫", ()) < caption_words("小猫在睡觉", ())
    assert caption_words("ปู่", ()) == {"ปู่"}, "vowel and tone belong to their letter"
