"""Reading a page as a person does: its words, without markup."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

from django.test import Client

_HIDDEN = {"script", "style", "title"}


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self._hidden += tag in _HIDDEN
        self.words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _HIDDEN
        self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def words_of(markup: str) -> str:
    """Return a page's text: a blank between elements, none before a punctuation mark."""
    parser = _Words()
    parser.feed(markup)
    text = re.sub(r"\s+", " ", "".join(parser.words))
    return re.sub(r" ([.,;:)])", r"\1", text).replace("( ", "(").strip()


def read(client: Client, path: str, *, status: int = 200, follow: bool = False) -> str:
    """Return the words of the page at ``path``."""
    answer = client.get(path, follow=follow)
    assert answer.status_code == status, f"{path}: {answer.status_code}"
    return words_of(answer.content.decode())


def main_of(markup: str) -> str:
    """Return the markup of the page without its frame."""
    return unescape(markup.partition("<main")[2])
