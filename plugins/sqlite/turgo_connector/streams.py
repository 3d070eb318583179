"""The two streams of records: Read is one reader, Write is one writer.

Their messages are frames and no protobuf, so the handlers have no serializer:
gRPC passes the bytes through, whatever the content-subtype says.
"""

import queue
import threading

import grpc

from turgo_connector import connector_pb2 as messages
from turgo_connector import contract, frames, records
from turgo_connector.frames import Frame, FrameError, FrameKind
from turgo_connector.service import abort

# What a writer lets the host have under way.
WINDOW_BYTES = 1 << 20
# How long a reader with nothing to read waits before it looks again.
IDLE_SECONDS = 0.05

_END = object()


class Streams:
    """The streams of a Service."""

    def __init__(self, service):
        self._service = service

    def handlers(self):
        """Gives the handlers, by name."""
        return {
            "Read": grpc.stream_stream_rpc_method_handler(self._read),
            "Write": grpc.stream_stream_rpc_method_handler(self._write),
        }

    def _read(self, requests, context):
        try:
            reader = self._service.side("source", context).open_reader(_receive_open(requests))
            try:
                yield Frame(FrameKind.OPENED).encode()
                yield from _Reading(requests, context, reader).messages()
            finally:
                reader.close()
        except Exception as error:  # pylint: disable=broad-except
            abort(context, error)

    def _write(self, requests, context):
        try:
            writer = self._service.side("sink", context).open_writer(_receive_open(requests))
            try:
                yield Frame(FrameKind.OPENED, number=WINDOW_BYTES).encode()
                yield from _writing(requests, writer)
            finally:
                writer.close()
        except Exception as error:  # pylint: disable=broad-except
            abort(context, error)


def _receive_open(requests):
    message = next(requests, None)
    if message is None:
        raise FrameError("the stream ended before its first frame")
    frame = frames.decode(message)
    if frame.kind is not FrameKind.OPEN:
        raise FrameError(f"{frame.kind.name} where the first frame has to be OPEN")
    return frame.number


class _Reading:
    """One reader's stream. A thread receives the host's orders; the handler's own thread obeys, reads and sends."""

    def __init__(self, requests, context, reader):
        self._reader = reader
        self._credit = 0
        self._splits = 0  # assigned and not ended
        self._orders = queue.SimpleQueue()
        self._requests = requests
        # A cancelled call must not wait until it has something to send.
        if not context.add_callback(lambda: self._orders.put(_END)):
            self._orders.put(_END)
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self):
        try:
            for message in self._requests:
                self._orders.put(frames.decode(message))
            self._orders.put(_END)
        except FrameError as error:
            self._orders.put(error)
        except Exception:  # pylint: disable=broad-except
            self._orders.put(_END)  # gRPC's, when the call ends otherwise

    def messages(self):
        """Gives the messages to send, until the host closes its side."""
        idle = False
        while True:
            order = self._next_order(idle)
            if order is _END:
                return
            if order is not None:
                yield from self._obey(order)
                continue
            delivery = self._reader.next()
            idle = delivery is None
            if delivery is not None:
                yield from self._deliver(delivery)

    def _next_order(self, idle):
        """Waits for an order while there is nothing else to do: no credit, no split, or nothing to read."""
        try:
            if self._credit <= 0 or self._splits == 0:
                return self._orders.get()
            return self._orders.get(timeout=IDLE_SECONDS) if idle else self._orders.get_nowait()
        except queue.Empty:
            return None

    def _obey(self, order):
        if isinstance(order, Exception):
            raise order
        match order.kind:
            case FrameKind.CREDIT:
                self._credit += order.number
            case FrameKind.ASSIGN:
                assignments = messages.Assignments.FromString(order.body).assignments
                self._reader.assign(list(assignments))
                self._splits += len(assignments)
                yield Frame(FrameKind.ASSIGNED, number=order.number).encode()
            case _:
                raise FrameError(f"{order.kind.name} in a read stream")

    def _deliver(self, delivery):
        for one in delivery.undecodable:
            yield self._charged(Frame(
                FrameKind.UNDECODABLE, number=one.index, text=cut_reason(one.reason),
                body=one.bytes[:contract.UNDECODABLE_BYTES_MAX],
            ))
        if delivery.end:
            self._splits -= 1
        yield self._charged(Frame(
            FrameKind.DELIVERY, number=delivery.lag, flags=frames.FLAG_END if delivery.end else 0,
            text=delivery.split_id.encode(), position=delivery.position,
            body=records.encode(delivery.records) if delivery.records else b"",
        ))

    def _charged(self, frame):
        message = frame.encode()
        self._credit -= frames.cost(message)
        return message


def _writing(requests, writer):
    """Obeys one frame after the other, and gives credit back in portions."""
    consumed = 0
    for message in requests:
        frame = frames.decode(message)
        match frame.kind:
            case FrameKind.WRITE:
                for refused in writer.write(records.decode(frame.body)):
                    yield Frame(FrameKind.REFUSED, text=cut_reason(refused.reason), body=records.encode([refused.record])).encode()
                consumed += frames.cost(message)
                if consumed >= WINDOW_BYTES // 4:
                    yield Frame(FrameKind.CREDIT, number=consumed).encode()
                    consumed = 0
            case FrameKind.PREPARE:
                committables = messages.Committables(committables=writer.prepare(frame.number))
                yield Frame(FrameKind.PREPARED, number=frame.number, body=committables.SerializeToString()).encode()
            case _:
                raise FrameError(f"{frame.kind.name} in a write stream")


def cut_reason(reason):
    """Cuts a reason to what is allowed, between two characters."""
    return reason.encode()[:contract.REASON_BYTES_MAX].decode(errors="ignore").encode()
