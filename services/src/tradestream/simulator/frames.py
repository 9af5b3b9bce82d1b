"""WebSocket frames as bytes (RFC 6455, 5.2), made once and written to any number of connections.

A server's frames are not masked, so a text frame is 0x81, its length in one, three or nine bytes, and the text.
"""

from __future__ import annotations

_BYTE, _TWO_BYTES = 126, 1 << 16


def text(payload: str) -> bytes:
    """Returns one text frame."""
    data = payload.encode()
    size = len(data)
    if size < _BYTE:
        return b"\x81%c%b" % (size, data)
    if size < _TWO_BYTES:
        return b"\x81\x7e%b%b" % (size.to_bytes(2), data)
    return b"\x81\x7f%b%b" % (size.to_bytes(8), data)
