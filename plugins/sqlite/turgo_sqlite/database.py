"""Opening a database, and how SQLite's errors and values look to a job."""

import contextlib
import os
import pathlib
import sqlite3

from turgo_connector.contract import ConfigError, FatalError, RetryableError

# How long one writer waits for another: SQLite has room for one at a time.
BUSY_SECONDS = 20

# FULL: a commit is on the disk when it returns, whatever happens to the machine.
SYNCHRONOUS = "FULL"


def path_of(config, settings):
    """Gives the path of the database; relative ones start at the job file's folder."""
    if not settings["database"]:
        raise ConfigError("database", "is empty; name the file of the database")
    return os.path.join(config.base_dir, settings["database"])


def connect(path, writable=False):
    """Opens a database. Only for writing it may come into being."""
    uri = pathlib.Path(os.path.abspath(path)).as_uri() + ("?mode=rwc" if writable else "?mode=ro")
    # Transactions are begun by hand (isolation_level None). A connection moves
    # between threads, but one at a time uses it.
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    if writable:
        connection.execute(f"PRAGMA synchronous={SYNCHRONOUS}")
        # Readers and the one writer do not wait for each other.
        connection.execute("PRAGMA journal_mode=WAL")
    return connection


@contextlib.contextmanager
def transaction(connection):
    """Makes all changes in its block, or none."""
    with plain_errors():
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextlib.contextmanager
def plain_errors():
    """Tells of SQLite's errors whether another try may help."""
    try:
        yield
    except sqlite3.OperationalError as error:  # busy, full, an error of the disk
        raise RetryableError(f"sqlite: {error}") from error
    except sqlite3.DatabaseError as error:  # malformed, no database, a constraint
        raise FatalError(f"sqlite: {error}") from error


def quoted(name):
    """Makes a name safe to stand in a statement."""
    return '"' + name.replace('"', '""') + '"'


def columns_of(connection, table):
    """Lists the columns of a table, generated ones too; none where there is no such table."""
    return [row[1] for row in connection.execute(f"PRAGMA table_xinfo({quoted(table)})")]


def to_column(data):
    """Gives what to store for bytes: text where it is text, so that SQL can work with it."""
    if data is None:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data
    return data if "\0" in text else text  # SQLite's functions end a text at a NUL


def from_column(value):
    """Gives a column as bytes; numbers as SQLite writes them."""
    if value is None or isinstance(value, bytes):
        return value
    return str(value).encode()
