"""What `%transcribe?` says: examples first, then every option."""

from __future__ import annotations

import textwrap

from rt_magic.options import OPTIONS

EXAMPLES = """\
Write down what is said, while it is said.

    %%transcribe                      click Start under the cell and speak;
                                      the words are in `transcript`
    %%transcribe --lang fr            in French, where the service knows it
    %transcribe interview.flac        a file, as fast as the service takes it
    %%transcribe --into talk          Python below the line runs after each
    print(segment.start, segment.text)    segment
    t = %transcribe --duration 10m    the widget itself: t.start(), t.stop()

Options
"""


COLUMN = 18
"""Letters that the manual has for the names of an option."""


def manual() -> str:
    """Return what `%transcribe?` says."""
    rows = [(", ".join(o.names) + (f" {o.takes}" if o.takes else ""), o.help) for o in OPTIONS]
    lines = []
    for names, text in rows:
        first, *more = textwrap.wrap(text, 77 - 4 - COLUMN - 2)
        name = f"    {names:{COLUMN}}"
        lines += [f"{name}  {first}"] if len(names) <= COLUMN else [name, f"{'':{4 + COLUMN}}  {first}"]
        lines += [f"{'':{4 + COLUMN}}  {line}" for line in more]
    return EXAMPLES + "\n".join(lines)
