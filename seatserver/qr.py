"""QR codes as SVG pictures: on tickets, and on the screens of kiosks."""

from __future__ import annotations

import io

QUIET_MODULES = 4  # ISO/IEC 18004, section 6.3.8: a scanner needs this much white around the code


def drawn(text: str) -> bytes:
    """A QR code of ``text``, black on white."""
    import segno  # slow to import, and rarely needed

    picture = io.BytesIO()
    # Level M, or better where it needs no bigger picture: a folded ticket may lose 15 % of its code.
    code = segno.make(text, error="m", micro=False)
    code.save(picture, kind="svg", border=QUIET_MODULES, dark="#000", light="#fff", xmldecl=False, omitsize=True)
    return picture.getvalue()
