"""Frames, byte by byte."""

import unittest

from turgo_connector import frames
from turgo_connector.frames import Frame, FrameError, FrameKind
from turgo_connector.streams import cut_reason


class Frames(unittest.TestCase):
    def test_bytes(self):
        frame = Frame(FrameKind.DELIVERY, number=-1, flags=frames.FLAG_END, text=b"split", position=b"12", body=b"batch")
        message = frame.encode()
        self.assertEqual(message.hex(" "), (
            "06 01 00 00 05 00 00 00 02 00 00 00 05 00 00 00 ff ff ff ff ff ff ff ff "
            + (b"split" + b"12" + b"batch").hex(" ")))
        self.assertEqual(frames.decode(message), frame)

    def test_malformed(self):
        sound = bytearray(Frame(FrameKind.CREDIT, number=5, text=b"abc").encode())

        def changed(at, to):
            return bytes(sound[:at]) + bytes([to]) + bytes(sound[at + 1:])

        for name, message in {
            "cut": bytes(sound[:23]), "no bytes": b"", "kind 0": changed(0, 0), "kind 12": changed(0, 12), "flags": changed(1, 2),
            "reserved": changed(2, 1), "too long a text": changed(5, 0x20), "length": changed(4, 4), "more": bytes(sound) + b"x",
        }.items():
            with self.subTest(name), self.assertRaises(FrameError):
                frames.decode(message)

    def test_small_frames_cost_credit_too(self):
        self.assertEqual(frames.cost(b"x"), 4096)
        self.assertEqual(frames.cost(bytes(5000)), 5000)

    def test_a_reason_is_cut_between_characters(self):
        cut = cut_reason("ü" * 3000)
        self.assertEqual(len(cut), 4096)
        self.assertEqual(cut.decode(), "ü" * 2048)
        self.assertEqual(len(cut_reason("x" + "ü" * 3000)), 4095)
