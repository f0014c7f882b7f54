"""JSON as venues and programs write it: replies, requests, lists and maps.

Numbers stay the text that stands in the file, so that they are exact. A key that stands twice, NaN
and Infinity are refused: the first would lose a position, the others are no JSON. Of a reply the
envelope is taken off (``result`` or ``data``), and a reply that is an error says so. A reply is one
by its keys: what else stands beside such a key is no envelope, and is never left out with it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, cast

from seawall.basics.errors import UnreadableFile
from seawall.feeds.files import WRITE_AGAIN, read_text, unreadable
from seawall.feeds.recognise import missing

Json: TypeAlias = "Mapping[str, Json] | list[Json] | str | bool | None"
Entry: TypeAlias = Mapping[str, Json]
"""A JSON object; numbers are the text they are written as."""

# Parsed it takes many times its size; a venue's whole chain is a tenth of this.
MAX_JSON_BYTES = 32 * 1024**2

_SHOWN = 80
_SAMPLE = 100
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ENVELOPES = ("result", "data")
# What Deribit, OKX and Bybit write beside one of these.
_DERIBIT = ("jsonrpc", "id", "error", "usIn", "usOut", "usDiff", "testnet")
_OKX = ("code", "msg", "inTime", "outTime")
_BYBIT = ("retCode", "retMsg", "retExtInfo", "time")
_BESIDE = frozenset((*_DERIBIT, *_OKX, *_BYBIT, "message"))
_EXTRA = "retExtInfo"


@dataclass(frozen=True, slots=True)
class Message:
    """A JSON file: ``content`` without its envelope, and ``time``, that of the envelope.

    ``entries`` are the objects it is made of, those of its list or the values of its map; none
    where it is made of anything else too. ``names`` are their keys, None for those of a list.
    """

    name: str
    content: Json
    time: str | None = None
    entries: Sequence[Entry] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        content = self.content
        values = list(content.values()) if isinstance(content, Mapping) else content
        found = isinstance(values, list) and all(isinstance(v, Mapping) for v in values)
        object.__setattr__(self, "entries", values if found else [])

    @property
    def fields(self) -> Entry:
        """Its own keys, none where it is a list."""
        return self.content if isinstance(self.content, Mapping) else {}

    @property
    def names(self) -> list[str | None]:
        """The key of each entry of a map, None for those of a list."""
        return list(self.fields) or [None] * len(self.entries)

    @property
    def sample(self) -> Sequence[Entry]:
        """The entries by which it is recognised."""
        return self.entries[:_SAMPLE]

    def part(self, content: Json) -> Message:
        """A part of it as a message of its own."""
        return Message(name=self.name, content=content, time=self.time)


def open_message(path: Path) -> Message:
    """Read a JSON file, gzipped or not.

    Raises UnreadableFile for what is no JSON, too large or too deep, names a key twice, or is a
    venue's error reply.
    """
    text = read_text(path, "JSON", MAX_JSON_BYTES)
    try:
        content = cast(
            "Json",
            json.loads(
                text,
                object_pairs_hook=_object,
                parse_float=str,
                parse_int=str,
                parse_constant=_no_number,
            ),
        )
        if _SURROGATE.search(text):
            json.dumps(content, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        why = f"it is not JSON at row {error.lineno}: {error.msg.lower()}"
        raise unreadable(path, why, WRITE_AGAIN) from None
    except RecursionError:
        raise unreadable(path, "it is nested too deeply", "Give a reply or a list.") from None
    except UnicodeEncodeError:
        raise unreadable(path, "it holds half a character", WRITE_AGAIN) from None
    except _BadJson as error:
        raise unreadable(path, str(error), error.remedy) from None
    _refuse_error(content, path.name)
    return _unwrapped(content, path.name)


def entries_with(*keys: str) -> Callable[[Message], list[str]]:
    """What a message lacks that should be a list or map of objects with these keys.

    One of the first with all of them is enough: what others lack is told row by row.
    """

    def lacks(message: Message) -> list[str]:
        return min((missing(keys, entry) for entry in message.sample), key=len, default=[*keys])

    return lacks


def object_with(**values: str | None) -> Callable[[Message], list[str]]:
    """What a message lacks that should be an object with these keys, and of these values."""

    def lacks(message: Message) -> list[str]:
        fields = message.fields
        return [
            key if value is None else f"{key} {value!r}"
            for key, value in values.items()
            if key not in fields or value not in (None, fields[key])
        ]

    return lacks


def text_of(entry: Entry, *keys: str) -> str | None:
    """The first text or number under one of the keys, without spaces; None if there is none."""
    for key in keys:
        value = entry.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None


def inner(entry: Entry, key: str) -> Entry:
    """The object under a key, an empty one if there is none."""
    value = entry.get(key)
    return value if isinstance(value, Mapping) else {}


def list_at(message: Message, key: str) -> Message:
    """The list of objects under a key as a message of its own, empty where the key is not there.

    Raises UnreadableFile for anything else.
    """
    part = message.part(message.fields.get(key, []))
    if not isinstance(part.content, list) or len(part.entries) < len(part.content):
        raise UnreadableFile(
            f"{key} is not a list of objects",
            where=message.name,
            remedy="Give one object for each, or leave the key out.",
        )
    return part


def map_at(message: Message, key: str) -> Entry:
    """The object under a key, empty where the key is not there.

    Raises UnreadableFile for anything else.
    """
    value = message.fields.get(key, {})
    if not isinstance(value, Mapping):
        raise UnreadableFile(
            f"{key} is not an object",
            where=message.name,
            remedy="Give names with values, or leave the key out.",
        )
    return value


class _BadJson(Exception):
    def __init__(self, why: str, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(why)


def _object(pairs: Sequence[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        [(twice, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise _BadJson(f"{twice!r:.{_SHOWN}} stands twice in one object", "Merge the two.")
    return found


def _no_number(text: str) -> Json:
    raise _BadJson(f"{text} is no number in JSON", "Give a finite number or null.")


def _told_error(content: Entry) -> Entry:
    """What ``error`` says; nothing where it is an account of that name."""
    error = content.get("error")
    if isinstance(error, Mapping):
        return error if {"code", "message"} & error.keys() else {}
    return {"message": error} if error else {}


def _foreign(content: Entry) -> list[str]:
    """The keys that no venue's reply has.

    An account may be called like one that it has, and is an object of instruments.
    """
    said = (*_ENVELOPES, _EXTRA, *(("error",) if _told_error(content) else ()))
    return [
        key
        for key, value in content.items()
        if key not in said
        and not (key in _BESIDE and (not value or not isinstance(value, list | Mapping)))
    ]


def _refuse_error(content: Json, name: str) -> None:
    """Deribit's ``error``, OKX's ``code`` and Bybit's ``retCode`` where they are not zero."""
    if not isinstance(content, Mapping) or _foreign(content):
        return
    told = _told_error(content)
    for code, text in (("code", "msg"), ("retCode", "retMsg")):
        if text in content and content.get(code) not in (None, "0"):
            told = {"message": content[text], "code": content[code]}
    if told:
        said = ", ".join(str(told[key]) for key in ("code", "message") if key in told)
        raise UnreadableFile(
            f"the reply is an error, {said!r:.{_SHOWN}}",
            where=name,
            remedy="Ask the venue again.",
        )


def _unwrapped(content: Json, name: str) -> Message:
    whole = Message(name=name, content=content)
    parts = [key for key in _ENVELOPES if isinstance(whole.fields.get(key), list | Mapping)]
    if not parts or len(whole.entries) == len(whole.fields) > 1:  # a map of accounts or symbols
        return whole
    [key, *others] = parts
    if beside := [*others, *_foreign(whole.fields)]:
        raise UnreadableFile(
            f"{beside[0]!r:.{_SHOWN}} stands beside {key!r}, which is of a venue's reply",
            where=name,
            remedy="Give the reply as it came, or what is in it alone.",
        )
    return Message(name=name, content=whole.fields[key], time=text_of(whole.fields, "usOut"))
