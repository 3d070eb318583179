"""A connector's process: from its start by the host to its end.

serve() is all that a connector's main module calls.
"""

import concurrent.futures
import json
import logging
import os
import signal
import sys
import tempfile
import threading
import time

import grpc

from turgo_connector import frames
from turgo_connector.service import Service
from turgo_connector.streams import Streams

PROTOCOL_VERSION = 1

COOKIE = ("TURGO_CONNECTOR", "b3f9a6a1-3d39-4b0e-9a51-1f2f3f2f6d4e")

# Threads come into being when they are needed. Each stream keeps one: the host
# opens one for each subtask, and a few calls beside them.
THREADS_MAX = 1024

# How long calls that are under way may take when the host says good-bye. It
# waits 2 s, then it kills.
SHUTDOWN_SECONDS = 1

log = logging.getLogger(__name__)


def serve(name, version, source=None, sink=None):
    """Serves a connector until the host is done. source and sink make its sides; None = it has no such side."""
    if os.environ.get(COOKIE[0]) != COOKIE[1]:
        sys.exit(f"This is the connector {name!r} of Turgo. A job starts it; see `turgo run --connectors`.")
    # Ctrl-C reaches the whole group of processes; the host tells its connectors when to end.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _log_as_the_host_reads()
    _watch_host()
    done = threading.Event()
    server = _server(Service(name, version, source, sink), done)
    path = os.path.join(os.environ.get("PLUGIN_UNIX_SOCKET_DIR") or tempfile.mkdtemp(), "connector")
    server.add_insecure_port("unix:" + path)
    server.start()
    _shake_hands(path)
    done.wait()
    server.stop(SHUTDOWN_SECONDS).wait()
    # Python would wait for threads that a call still holds.
    os._exit(0)


def _server(service, done):
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(THREADS_MAX),
        options=(
            ("grpc.max_receive_message_length", frames.BYTES_MAX),
            ("grpc.max_send_message_length", frames.BYTES_MAX),
        ),
    )

    def shutdown(_request, _context):
        done.set()
        return b""

    services = {
        "turgo.connector.v1.Connector": service.handlers(),
        "turgo.connector.v1.Streams": Streams(service).handlers(),
        # go-plugin's: without it the host waits 2 s and kills. Its messages are empty.
        "plugin.GRPCController": {"Shutdown": grpc.unary_unary_rpc_method_handler(shutdown)},
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(each, handlers) for each, handlers in services.items()])
    return server


def _shake_hands(path):
    """Tells the host where it is served. Nothing else may ever go to the standard output."""
    offered = os.environ.get("PLUGIN_PROTOCOL_VERSIONS", "")
    if str(PROTOCOL_VERSION) not in offered.split(","):
        log.error("the host speaks the versions %s of the connector protocol, this connector speaks %d", offered, PROTOCOL_VERSION)
    # The version that is written is the connector's own: a host that does not
    # speak it says so, and ends the process.
    sys.stdout.write(f"1|{PROTOCOL_VERSION}|unix|{path}|grpc|\n")
    sys.stdout.flush()
    sys.stdout = sys.stderr  # a stray print() is a line of the log


def _watch_host():
    """Ends the process when the host's end of the lifeline closes, which the system does however the host ends."""
    try:
        lifeline = int(os.environ["TURGO_CONNECTOR_LIFELINE"])
        os.set_inheritable(lifeline, False)
    except (KeyError, ValueError, OSError) as error:
        sys.exit(f"TURGO_CONNECTOR_LIFELINE names no file descriptor: {error!r}")

    def watch():
        while os.read(lifeline, 4096):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class _JSONLines(logging.Formatter):
    """Writes a line of the log as the host reads it."""

    def format(self, record):
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        return json.dumps({
            "@level": "warn" if record.levelno == logging.WARNING else record.levelname.lower(),
            "@message": message, "@timestamp": f"{stamp}.{int(record.msecs):03d}000Z",
        })


def _log_as_the_host_reads():
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JSONLines())
    logging.root.addHandler(handler)
    level = os.environ.get("TURGO_CONNECTOR_LOG_LEVEL", "INFO")
    logging.root.setLevel({"DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARN": logging.WARNING, "ERROR": logging.ERROR}.get(level, logging.INFO))
