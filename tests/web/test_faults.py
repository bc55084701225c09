"""Pages for what goes wrong: each says what happened and what comes next."""

from __future__ import annotations

import pytest
from django.template.loader import render_to_string

from tests.web.pages import words_of


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "500.html",
            "The server met something that it should have handled and did not. What you asked for was not done.",
        ),
        ("403_csrf.html", "It was opened before you last signed in, or it was not sent from a page of this server."),
    ],
)
def test_pages_that_nobody_should_see_need_no_session_and_no_database(name: str, words: str) -> None:
    page = words_of(render_to_string(name))
    assert words in page
    assert "Go to the overview" in page
