"""A clearing house's file of SPAN parameters, of either format that is published: ``.pa2`` records
or ``.spn`` XML. The content decides which, not the name.
"""

from __future__ import annotations

from pathlib import Path

from seawall.basics.errors import UnrecognisedFile
from seawall.feeds import span_pa2, span_spn
from seawall.feeds.files import BOM, as_path, file_size, opened
from seawall.feeds.span_house import AccountClass, ContractKey, SpanFile, Wanted
from seawall.margin import span

__all__ = ["AccountClass", "ContractKey", "SpanFile", "Wanted", "read_span"]

_HEAD_BYTES = 256


def read_span(
    path: str | Path,
    policy: span.ClearingPolicy,
    account: AccountClass = "speculator",
    wanted: Wanted | None = None,
) -> SpanFile:
    """Read a file, plain or gzipped, for one class of account; it is never held whole.

    Only contracts that are ``wanted`` are kept, all of them where that is None. What a commodity
    asks for that the algorithm does not know leaves it out with its reason, and with it every
    credit spread that names it. Raises UnrecognisedFile for another format, for a record that the
    format does not have and for a file without a combined commodity, UnreadableFile for what is
    missing, cut off or dangerous to read, BadNumber for a number that is none or an array of which
    a part is missing, BadParameter for a class of account that the file does not have.
    """
    file = as_path(path)
    file_size(file)
    with opened(file) as content:
        head = content.read(_HEAD_BYTES)
    if head.startswith(b"0 "):
        return span_pa2.read_pa2(file, policy, account, wanted)
    if head.removeprefix(BOM).lstrip().startswith(b"<"):
        return span_spn.read_spn(file, policy, account, wanted)
    raise UnrecognisedFile(
        "it begins neither with a header of SPAN's expanded unpacked format nor with XML",
        where=file.name,
        remedy="Give a .pa2 file of format U2 or a .spn file.",
    )
