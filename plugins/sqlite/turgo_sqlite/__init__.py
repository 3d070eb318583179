"""A connector of Turgo for SQLite databases, which Python brings along.

  database.py  opening a database, and what source and sink share
  source.py    reads tables, in the order of their rows
  sink.py      writes a table, exactly once
"""
