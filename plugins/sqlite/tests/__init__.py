"""Tests without a host: python -m unittest discover -s tests -t .

Nobody pulls the plug in them, so they do not wait for the disk.
"""

from turgo_sqlite import database

database.SYNCHRONOUS = "OFF"
