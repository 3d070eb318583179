"""Frames: the messages of the two streams of records.

A frame is a head of 24 bytes, little-endian, and three byte strings. The host
is trusted no more than it trusts a connector: what is malformed ends the stream.
"""

import dataclasses
import enum
import struct

from turgo_connector import contract

HEAD = struct.Struct("<BBHIIIq")

TEXT_BYTES_MAX = contract.SPLIT_ID_BYTES_MAX
BODY_BYTES_MAX = 64 << 20
BYTES_MAX = HEAD.size + TEXT_BYTES_MAX + contract.POSITION_BYTES_MAX + BODY_BYTES_MAX

FLAG_END = 1

# The least that a frame takes of its sender's credit, so that credit bounds the
# number of frames too.
COST_MIN = 4 << 10


class FrameKind(enum.IntEnum):
    """What a frame is."""

    OPEN = 1
    OPENED = 2
    CREDIT = 3
    ASSIGN = 4
    ASSIGNED = 5
    DELIVERY = 6
    WRITE = 7
    PREPARE = 8
    PREPARED = 9
    UNDECODABLE = 10
    REFUSED = 11


class FrameError(Exception):
    """A message that is no frame, or a frame that does not belong here."""


@dataclasses.dataclass(slots=True)
class Frame:
    """One message of a stream."""

    kind: FrameKind
    number: int = 0
    text: bytes = b""
    position: bytes = b""
    body: bytes = b""
    flags: int = 0

    def encode(self) -> bytes:
        """Gives the message."""
        head = HEAD.pack(self.kind, self.flags, 0, len(self.text), len(self.position), len(self.body), self.number)
        return b"".join((head, self.text, self.position, self.body))


def cost(message: bytes) -> int:
    """Gives what a message takes of its sender's credit."""
    return max(len(message), COST_MIN)


def decode(message: bytes) -> Frame:
    """Reads a message."""
    if len(message) < HEAD.size:
        raise FrameError(f"a frame of {len(message)} bytes, its head alone has {HEAD.size}")
    kind, flags, reserved, text, position, body, number = HEAD.unpack_from(message)
    if not FrameKind.OPEN <= kind <= FrameKind.REFUSED:
        raise FrameError(f"unknown kind {kind} of frame")
    if flags & ~FLAG_END or reserved:
        raise FrameError(f"unknown flags {flags:#x} or reserved bytes {reserved:#x}")
    if text > TEXT_BYTES_MAX or position > contract.POSITION_BYTES_MAX or body > BODY_BYTES_MAX:
        raise FrameError(f"a frame with a text of {text}, a position of {position} and a body of {body} bytes is too long")
    if HEAD.size + text + position + body != len(message):
        raise FrameError(f"a frame of {len(message)} bytes, its head says {HEAD.size + text + position + body}")
    at = HEAD.size
    return Frame(
        kind=FrameKind(kind), flags=flags, number=number,
        text=message[at:at + text],
        position=message[at + text:at + text + position],
        body=message[at + text + position:],
    )
