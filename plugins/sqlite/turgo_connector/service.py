"""The control calls of connector.proto, and how an error travels."""

import functools
import logging
import threading

import grpc
from google.protobuf import any_pb2

from turgo_connector import connector_pb2 as messages
from turgo_connector import contract

log = logging.getLogger(__name__)

# A page of a long list holds about so much: gRPC refuses messages above 4 MiB
# where nobody says otherwise.
PAGE_BYTES = 512 << 10
_MESSAGE_CHARACTERS_MAX = 1000
_STATUS_DETAILS = "grpc-status-details-bin"


class Service:
    """The connector of this process. It has one source or one sink, made when first asked for."""

    def __init__(self, name, version, source=None, sink=None):
        self.name, self.version = name, version
        self._factories = {"source": source, "sink": sink}
        self._made = {}
        self._lock = threading.Lock()

    def side(self, side, context):
        """Gives the source or the sink."""
        if self._factories[side] is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"connector {self.name!r} has no {side}")
        with self._lock:
            if side not in self._made:
                self._made[side] = self._factories[side]()
            return self._made[side]

    def handlers(self):
        """Gives the handlers of the calls, by name.

        gRPC's generated code would make the same table out of connector.proto;
        written by hand it is as short, and shows what is there.
        """
        unary, answers, asks = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler, grpc.stream_unary_rpc_method_handler
        calls = {
            "Describe": (unary, messages.DescribeRequest, self._describe),
            "SourceCheck": (unary, messages.Config, self._on("source", lambda source, config: source.check(config))),
            "SourceOpen": (unary, messages.Config, self._on("source", lambda source, config: source.open(config))),
            "SourceDiscover": (answers, messages.DiscoverRequest, self._discover),
            "SourceCheckpointComplete": (asks, messages.PositionsPage, self._on("source", _checkpoint_complete)),
            "SourceClose": (unary, messages.CloseRequest, self._on("source", lambda source, _: source.close())),
            "SinkCheck": (unary, messages.Config, self._on("sink", lambda sink, config: sink.check(config))),
            "SinkOpen": (unary, messages.Config, self._on("sink", lambda sink, config: messages.SinkOpenResponse(guarantee=sink.open(config)))),
            "SinkCleanUp": (asks, messages.Committables, self._on("sink", lambda sink, pages: sink.clean_up([c for page in pages for c in page.committables]))),
            "SinkCommit": (unary, messages.Committables, self._on("sink", lambda sink, page: messages.CommitResponse(results=sink.commit(list(page.committables))))),
            "SinkAbort": (unary, messages.Committables, self._on("sink", lambda sink, page: sink.abort(list(page.committables)))),
            "SinkClose": (unary, messages.CloseRequest, self._on("sink", lambda sink, _: sink.close())),
        }
        return {
            name: make(behaviour, request_deserializer=request.FromString, response_serializer=lambda answer: answer.SerializeToString())
            for name, (make, request, behaviour) in calls.items()
        }

    def _describe(self, _request, _context):
        return messages.DescribeResponse(
            name=self.name, version=self.version,
            source=self._factories["source"] is not None, sink=self._factories["sink"] is not None,
        )

    def _on(self, side, call):
        """Makes the behaviour of a call of one side, which answers Done where the call answers nothing."""

        @telling_errors
        def behaviour(request, context):
            answer = call(self.side(side, context), request)
            return messages.Done() if answer is None else answer

        return behaviour

    def _discover(self, _request, context):
        try:
            splits, final = self.side("source", context).discover()
        except Exception as error:  # pylint: disable=broad-except
            abort(context, error)
        page, size = messages.SplitsPage(), 0
        for split in splits:
            if size >= PAGE_BYTES:
                yield page
                page, size = messages.SplitsPage(), 0
            page.splits.append(split)
            size += split.ByteSize()
        page.final = final  # what the last page says counts
        yield page


def _checkpoint_complete(source, pages):
    epoch, positions = 0, []
    for page in pages:
        epoch = page.epoch
        positions.extend(page.positions)
    source.checkpoint_complete(epoch, positions)


def telling_errors(behaviour):
    """Wraps a behaviour so that what it raises ends the call with a Failure."""

    @functools.wraps(behaviour)
    def wrapped(request, context):
        try:
            return behaviour(request, context)
        except Exception as error:  # pylint: disable=broad-except
            abort(context, error)

    return wrapped


def abort(context, error):
    """Ends a call or stream with the status that tells of the error. It does not return."""
    if isinstance(error, grpc.RpcError) or context.code() is not None or not context.is_active():
        raise error  # the call has ended already, or gRPC ended it
    message = str(error)[:_MESSAGE_CHARACTERS_MAX]
    match error:
        case contract.ConfigError():
            code, failure = grpc.StatusCode.INVALID_ARGUMENT, messages.Failure(kind=messages.Failure.KIND_CONFIG, field=error.field, message=error.reason[:_MESSAGE_CHARACTERS_MAX])
        case contract.FatalError():
            code, failure = grpc.StatusCode.FAILED_PRECONDITION, messages.Failure(kind=messages.Failure.KIND_FATAL, message=message)
        case contract.RetryableError():
            code, failure = grpc.StatusCode.ABORTED, messages.Failure(kind=messages.Failure.KIND_RETRYABLE, message=message)
        case _:
            log.error("%s: %s", type(error).__name__, message, exc_info=error)
            code, failure = grpc.StatusCode.UNKNOWN, messages.Failure(message=f"{type(error).__name__}: {message}")
    context.set_trailing_metadata(((_STATUS_DETAILS, status_details(code, failure)),))
    context.abort(code, failure.message)


def status_details(code, failure):
    """Encodes a google.rpc.Status, which gRPC keeps the details of a status in.

    It is three fields: 1 the code, 2 a message, 3 the details, each an Any. The
    package grpcio-status does the same.
    """
    detail = any_pb2.Any()
    detail.Pack(failure)
    encoded, text = detail.SerializeToString(), failure.message.encode()
    return b"".join((
        b"\x08", _varint(code.value[0]),
        b"\x12", _varint(len(text)), text,
        b"\x1a", _varint(len(encoded)), encoded,
    ))


def _varint(number):
    result = bytearray()
    while number > 0x7F:
        result.append(number & 0x7F | 0x80)
        number >>= 7
    result.append(number)
    return bytes(result)
