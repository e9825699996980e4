"""Guesses the language of a text from its letters and its commonest words."""

from __future__ import annotations

import re

DEFAULT = "en"
ENOUGH = 2000
"""Characters after which a guess stays."""

# The commonest words of languages in Latin letters that few of the others have.
_COMMON = {
    "en": "the and is are was were of that you with this have not they from been would which it's what will",
    "de": "der die das und ist ich nicht ein eine zu den mit auf für dem sich wir sie auch wird bei im am sind vom zum",
    "fr": "le la les et est un une des du je il elle nous vous ne pas que qui dans pour avec sur c'est au aux",
    "es": "el la los las y es un una del que en por con para no se está lo su como pero más al muy",
    "it": "il lo gli è e un una di che non per con sono della nel questo anche più alla si dei",
    "pt": "o os as e é um uma do da dos das que não em para com por se mais ao você são no na",
    "nl": "de het een en is van dat niet ik je zijn op te met voor ook maar wij hij aan deze wordt",
    "sv": "och att det är en ett som på inte jag med för av den till har om vi han hon",
    "da": "og at det er en et som på ikke jeg med for af den til har om vi han hun blev",
    "fi": "ja on ei se että hän oli minä ovat mutta kun myös niin joka ole tämä sen",
    "pl": "i w na się nie to jest z że do jak ale o po co tak czy przez dla są jego",
    "cs": "a v na se je že to s z do jako ale o po co tak by pro jsou jeho byl",
    "hu": "a az és hogy nem is egy ez de van volt meg csak már mint kell ki vagy",
    "tr": "ve bir bu da de için ile çok ne var daha gibi kadar ama olan değil mi ben",
    "ro": "și în de la cu pe nu este un o care să din pentru mai sunt fi dar al",
}
_WEIGHTS: dict[str, tuple[str, ...]] = {}
for _name, _words in _COMMON.items():
    for _word in _words.split():
        if len(_word) > 1:  # single letters are names and parts of abbreviations in all
            _WEIGHTS[_word] = (*_WEIGHTS.get(_word, ()), _name)

# The first and last character of scripts, and the language most often written in them.
_SCRIPTS = (
    ("\u0370", "\u03ff", "el"),
    ("\u0400", "\u052f", "ru"),
    ("\u0530", "\u058f", "hy"),
    ("\u0590", "\u05ff", "he"),
    ("\u0600", "\u06ff", "ar"),
    ("\u0900", "\u097f", "hi"),
    ("\u0980", "\u09ff", "bn"),
    ("\u0a00", "\u0a7f", "pa"),
    ("\u0a80", "\u0aff", "gu"),
    ("\u0b00", "\u0b7f", "or"),
    ("\u0b80", "\u0bff", "ta"),
    ("\u0c00", "\u0c7f", "te"),
    ("\u0c80", "\u0cff", "kn"),
    ("\u0d00", "\u0d7f", "ml"),
    ("\u0d80", "\u0dff", "si"),
    ("\u0e00", "\u0e7f", "th"),
    ("\u0e80", "\u0eff", "lo"),
    ("\u0f00", "\u0fff", "bo"),
    ("\u1000", "\u109f", "my"),
    ("\u10a0", "\u10ff", "ka"),
    ("\u1200", "\u137f", "am"),
    ("\u1780", "\u17ff", "km"),
    ("\u3040", "\u30ff", "ja"),
    ("\u3400", "\u4dbf", "zh"),
    ("\u4e00", "\u9fff", "zh"),
    ("\uac00", "\ud7af", "ko"),
)
# Other languages that are written in these scripts.
_ALSO = {
    "ru": "uk be bg sr mk kk ky ba cv tt nog mn",
    "ar": "fa ur ug sd ku ps",
    "hi": "mr ne kok",
    "bn": "as bpy",
    "am": "ti",
    "el": "grc",
    "hy": "hyw",
    "zh": "ja ko",
    "my": "shn",
}
_WORD = re.compile(r"[^\W\d_]{1,40}(?:'s)?")


class LanguageGuess:
    """Counts what speaks for each language while a text grows; after `ENOUGH` characters the guess stays."""

    def __init__(self) -> None:
        self.best = DEFAULT
        self._read = 0
        self._scores = {DEFAULT: 0.5}  # others need more than one word that is theirs among others

    def read(self, text: str) -> None:
        """Take more of the text, whole words."""
        if self._read >= ENOUGH:
            return
        self._read += len(text)
        for word in _WORD.findall(text[:ENOUGH].lower()):
            for name in _WEIGHTS.get(word) or _of_script(word):
                self._scores[name] = self._scores.get(name, 0.0) + 1 / len(_WEIGHTS.get(word, (1,)))
        # The first of several that are equal is the one that was guessed before.
        self.best = max([self.best, *self._scores], key=lambda name: self._scores.get(name, 0.0))


def _of_script(word: str) -> tuple[str, ...]:
    if word.isascii():
        return ()
    return tuple(name for first, last, name in _SCRIPTS if any(first <= letter <= last for letter in word))


def guess_language(text: str) -> str:
    """The language in which ``text`` is most likely written, as two letters; `DEFAULT` if nothing speaks for any."""
    guess = LanguageGuess()
    guess.read(text)
    return guess.best


def languages_of_script(letter: str) -> tuple[str, ...]:
    """The languages that are written in the script of ``letter``; none for Latin letters, and where it is not known."""
    return tuple(each for name in _of_script(letter) for each in (name, *_ALSO.get(name, "").split()))


def own_letters() -> frozenset[str]:
    """The languages that are written in other letters than Latin ones."""
    return frozenset(each for _, _, name in _SCRIPTS for each in (name, *_ALSO.get(name, "").split()))
