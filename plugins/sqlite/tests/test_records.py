"""The record batch, against the golden vectors of the ABI."""

import pathlib
import random
import unittest

from turgo_connector import records
from turgo_connector.contract import Kind, Record

VECTORS = pathlib.Path(__file__).resolve().parents[3] / "abi" / "testdata" / "batches.txt"


def read_vectors():
    """Gives (name, bytes, expected records, offset of the error) of each vector."""
    vectors = []
    for line in VECTORS.read_text(encoding="utf-8").splitlines():
        words = line.split("#")[0].split()
        match words:
            case []:
                continue
            case ["vector", name]:
                vectors.append([name, bytearray(), [], None])
            case ["record", *fields]:
                vectors[-1][2].append(fields)
            case ["error", offset]:
                vectors[-1][3] = int(offset)
            case _:
                vectors[-1][1] += bytes.fromhex("".join(words))
    return vectors


def parse_bytes(word):
    return {"null": None, "empty": b""}[word] if word in ("null", "empty") else bytes.fromhex(word)


class GoldenVectors(unittest.TestCase):
    def test_valid_batches_mean_what_they_should(self):
        read = 0
        for name, data, expected, offset in read_vectors():
            if offset is not None:
                continue
            with self.subTest(name):
                got = records.decode(bytes(data))
                want = [
                    Record(
                        key=parse_bytes(key), value=parse_bytes(value), kind=Kind[kind.upper()],
                        timestamp=None if timestamp == "none" else int(timestamp), extensions=parse_bytes(extensions),
                    )
                    for key, value, kind, timestamp, _origin, extensions in expected
                ]
                self.assertEqual(got, want)
                self.assertEqual(records.decode(records.encode(got)), got)
                read += 1
        self.assertGreater(read, 8)

    def test_malformed_batches_are_refused_at_the_offset(self):
        refused = 0
        for name, data, _, offset in read_vectors():
            if offset is None:
                continue
            with self.subTest(name), self.assertRaises(records.BatchError) as caught:
                records.decode(bytes(data))
            # Both lengths of a record that do not fit stand in one field of the vectors.
            self.assertEqual(caught.exception.offset, offset, name)
            refused += 1
        self.assertGreater(refused, 15)


class Batches(unittest.TestCase):
    def test_what_is_encoded_comes_back(self):
        numbers = random.Random(1)

        def some_bytes():
            return numbers.choice([None, b"", numbers.randbytes(numbers.randrange(300))])

        for _ in range(200):
            given = [
                Record(some_bytes(), some_bytes(), numbers.choice([None, 0, -5, 2**63 - 1]), numbers.choice(list(Kind)))
                for _ in range(numbers.randrange(20))
            ]
            data = records.encode(given)
            self.assertEqual(records.decode(data), given)
            self.assertEqual(len(data), records.HEADER.size + sum(map(records.encoded_bytes, given)))

    def test_no_bytes_do_more_than_be_refused(self):
        numbers = random.Random(2)
        sound = records.encode([Record(b"key", b"value", 5), Record(None, None)])
        for _ in range(5000):
            data = bytearray(sound)
            for _ in range(numbers.randrange(1, 4)):
                data[numbers.randrange(len(data))] = numbers.randrange(256)
            try:
                records.decode(bytes(data[:numbers.choice([len(data), numbers.randrange(len(data))])]))
            except records.BatchError:
                pass

    def test_a_batch_has_a_limit(self):
        with self.assertRaises(ValueError):
            records.encode([Record(None, bytes(records.BYTES_MAX))])
