"""The connector's program. The host starts it; see README.md."""

from turgo_connector.process import serve
from turgo_sqlite.sink import SQLiteSink
from turgo_sqlite.source import SQLiteSource

if __name__ == "__main__":
    serve(name="sqlite", version="1", source=SQLiteSource, sink=SQLiteSink)
