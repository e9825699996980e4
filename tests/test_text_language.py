"""The language of a text is guessed from its letters and commonest words."""

from __future__ import annotations

import pytest

from oggstream.text.language import ENOUGH, LanguageGuess, guess_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("", "en"),
        ("Hm.", "en"),
        ("The weather is fine, and we go out.", "en"),
        ("Wir treffen uns im Park, und das Wetter wird gut.", "de"),
        ("Il fait beau et nous allons au parc avec les enfants.", "fr"),
        ("El señor García llegó a la casa con los niños.", "es"),
        ("Il signor Rossi è arrivato con gli amici della scuola.", "it"),
        ("O senhor Silva não veio porque você não estava.", "pt"),
        ("Ik ben niet thuis, maar wij komen ook naar het feest.", "nl"),
        ("Jag är inte hemma, men vi kommer och det är bra.", "sv"),
        ("Jeg er ikke hjemme, og han blev der til det sidste.", "da"),
        ("Minä olen kotona, mutta hän ei ole, ja se on hyvä.", "fi"),
        ("Nie wiem, czy to jest dobre dla nas.", "pl"),
        ("To jsou jeho děti, ale já jsem se na ně neptal.", "cs"),
        ("Ez nem az a ház, hogy itt volt már egy kert.", "hu"),
        ("Bu çok güzel bir ev ama benim için değil.", "tr"),
        ("Привет, как дела?", "ru"),
        ("これはペンです。", "ja"),
        ("今天天气很好。", "zh"),
        ("안녕하세요.", "ko"),
        ("مرحبا بكم.", "ar"),
        ("नमस्ते दुनिया", "hi"),
    ],
)
def test_the_language_is_guessed_from_a_sentence(text: str, language: str) -> None:
    assert guess_language(text) == language


def test_the_guess_stays_once_there_was_enough() -> None:
    guess = LanguageGuess()
    guess.read("das ist nicht der und die " * (ENOUGH // 26 + 1))
    guess.read("the and is of that you with " * 1000)
    assert guess.best == "de"
