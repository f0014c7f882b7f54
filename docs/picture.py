"""Draws docs/demo.svg, the picture in README: what `seawall demo` prints, in its colours."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 120
PICTURE = Path(__file__).with_name("demo.svg")
# Web fonts would be fetched from elsewhere by whoever looks at the picture.
FONT_FACES = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def main() -> None:
    """Run the demo with colours and draw its comparison, rows and heat maps."""
    seawall = Path(sys.executable).with_name("seawall")
    printed = subprocess.run(
        [seawall, "demo"],
        env=os.environ | {"FORCE_COLOR": "1", "COLORTERM": "truecolor"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    shown = printed[printed.index("2. What it must hold") : printed.index("BTC Greeks")]
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(shown.rstrip()))
    picture = console.export_svg(title="make demo", unique_id="demo")
    PICTURE.write_text(FONT_FACES.sub("", picture), encoding="utf-8")


if __name__ == "__main__":
    main()
