"""The record batch of abi/SPEC.md, section 6."""

import struct

from turgo_connector.contract import Kind, Record

HEADER = struct.Struct("<4sBBHIIII")
FIXED = struct.Struct("<IB3sqIII")
EXTENSION = struct.Struct("<HHI")
LENGTH = struct.Struct("<I")

BYTES_MAX = 64 << 20
NO_TIMESTAMP = -(1 << 63)
_MAGIC = b"TRGB"
_KEY_NULL, _VALUE_NULL, _KIND_SHIFT, _FLAGS_KNOWN = 1, 2, 2, 15
_MUST_UNDERSTAND, _EXTENSION_HEADER, _HEADER_NULL = 1 << 15, 1, 1 << 31
_KINDS = tuple(Kind)


class BatchError(Exception):
    """Bytes that are no batch, with the offset of what is wrong."""

    def __init__(self, offset, what):
        super().__init__(f"batch is malformed at byte {offset}: {what}")
        self.offset = offset


def decode(data: bytes) -> list[Record]:
    """Reads a batch; what is malformed is a BatchError."""
    fixed_bytes, count = _decode_header(data)
    records, at = [], HEADER.size
    for _ in range(count):
        left = len(data) - at
        if left < fixed_bytes:
            raise BatchError(at, f"{left} bytes left, a record's fixed part has {fixed_bytes}")
        length, flags, reserved, timestamp, _, key_bytes, value_bytes = FIXED.unpack_from(data, at)
        if length > left:
            raise BatchError(at, f"record of {length} bytes, {left} are left")
        if flags & ~_FLAGS_KNOWN or reserved != b"\0\0\0":
            raise BatchError(at + 4, f"unknown flags {flags:#x} or reserved bytes {reserved!r}")
        # A later writer may have a longer fixed part: what is not known there is skipped.
        key = at + fixed_bytes
        value = key + key_bytes
        extensions, end = value + value_bytes, at + length
        if extensions > end:
            raise BatchError(at + 20, f"key of {key_bytes} and value of {value_bytes} bytes exceed the record's {length}")
        if flags & _KEY_NULL and key_bytes:
            raise BatchError(at + 20, f"a null key has {key_bytes} bytes")
        if flags & _VALUE_NULL and value_bytes:
            raise BatchError(at + 24, f"a null value has {value_bytes} bytes")
        if extensions < end:
            _check_extensions(data, extensions, end)
        records.append(Record(
            key=None if flags & _KEY_NULL else data[key:value],
            value=None if flags & _VALUE_NULL else data[value:extensions],
            timestamp=None if timestamp == NO_TIMESTAMP else timestamp,
            kind=_KINDS[flags >> _KIND_SHIFT],
            extensions=data[extensions:end],
        ))
        at = end
    if at != len(data):
        raise BatchError(at, f"{len(data) - at} bytes follow the last of {count} records")
    return records


def _decode_header(data):
    if len(data) < HEADER.size:
        raise BatchError(len(data), f"{len(data)} bytes, a header has {HEADER.size}")
    magic, version, encoding, fixed_bytes, count, length, flags, reserved = HEADER.unpack_from(data)
    if magic != _MAGIC:
        raise BatchError(0, f"magic {magic!r}, want {_MAGIC!r}")
    if version != 1:
        raise BatchError(4, f"version {version}, want 1")
    if encoding != 0:
        raise BatchError(5, f"encoding {encoding}, want 0")
    if fixed_bytes < FIXED.size:
        raise BatchError(6, f"fixed part of {fixed_bytes} bytes, want at least {FIXED.size}")
    if length != len(data) or length > BYTES_MAX:
        raise BatchError(12, f"length {length}, the bytes are {len(data)}")
    if flags or reserved:
        raise BatchError(16, "flags or reserved bytes are not 0")
    return fixed_bytes, count


def _check_extensions(data, at, end):
    """Refuses what no reader may skip: malformed extensions, and those that must be understood."""
    while at < end:
        if end - at < EXTENSION.size:
            raise BatchError(at, f"{end - at} bytes left, an extension's head has {EXTENSION.size}")
        kind, reserved, length = EXTENSION.unpack_from(data, at)
        if kind & _MUST_UNDERSTAND:
            raise BatchError(at, f"extension type {kind:#x} must be understood and is not")
        if reserved:
            raise BatchError(at + 2, f"reserved bytes {reserved:#x} are not 0")
        content = at + EXTENSION.size
        if length > end - content:
            raise BatchError(at + 4, f"extension of {length} bytes, {end - content} are left")
        if kind == _EXTENSION_HEADER and not _is_header(data[content:content + length]):
            raise BatchError(content, f"a header of {length} bytes does not hold the name and value that it tells of")
        at = content + length


def _is_header(content):
    if len(content) < LENGTH.size:
        return False
    (name,) = LENGTH.unpack_from(content)
    rest = len(content) - LENGTH.size
    return name & ~_HEADER_NULL == rest or name < rest


def encoded_bytes(record: Record) -> int:
    """Gives how many bytes a record takes in a batch."""
    return FIXED.size + len(record.key or b"") + len(record.value or b"") + len(record.extensions)


def encode(records: list[Record]) -> bytes:
    """Makes a batch."""
    parts = [b""]  # the header's place
    for record in records:
        key, value = record.key, record.value
        flags = (key is None) * _KEY_NULL | (value is None) * _VALUE_NULL | record.kind << _KIND_SHIFT
        key, value = key or b"", value or b""
        timestamp = NO_TIMESTAMP if record.timestamp is None else record.timestamp
        length = FIXED.size + len(key) + len(value) + len(record.extensions)
        parts += (FIXED.pack(length, flags, b"\0\0\0", timestamp, 0, len(key), len(value)), key, value, record.extensions)
    length = HEADER.size + sum(map(len, parts))
    if length > BYTES_MAX:
        raise ValueError(f"a batch of {length} bytes, at most {BYTES_MAX} are allowed")
    parts[0] = HEADER.pack(_MAGIC, 1, 0, FIXED.size, len(records), length, 0, 0)
    return b"".join(parts)
