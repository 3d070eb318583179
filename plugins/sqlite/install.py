"""Installs the connector into a folder of connectors: python install.py FOLDER

The interpreter that runs this script will run the connector, so it has to have
what requirements.txt names. All of the connector's own code goes into one
executable file (a zip file with a line for the system before it): the checksum
in the manifest, which the host checks at each start, covers all of it.
"""

import hashlib
import json
import os
import pathlib
import shutil
import sys
import tempfile
import zipapp

NAME = "sqlite"
HERE = pathlib.Path(__file__).resolve().parent
# Linux reads no more of a program's first line.
FIRST_LINE_BYTES_MAX = 255


def main(folder):
    """Writes FOLDER/sqlite/sqlite and FOLDER/sqlite/connector.json."""
    import google.protobuf  # pylint: disable=import-outside-toplevel,unused-import
    import grpc  # pylint: disable=import-outside-toplevel,unused-import

    interpreter = os.path.abspath(sys.executable)
    if len(interpreter) + len("#!\n") > FIRST_LINE_BYTES_MAX or any(c.isspace() for c in interpreter):
        sys.exit(f"{interpreter!r} cannot stand in a program's first line: use an interpreter with a short path, without blanks")
    target = pathlib.Path(folder) / NAME
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target) as temporary:
        content = pathlib.Path(temporary) / "content"
        content.mkdir()
        shutil.copy(HERE / "__main__.py", content)
        for package in ("turgo_connector", "turgo_sqlite"):
            shutil.copytree(HERE / package, content / package, ignore=shutil.ignore_patterns("__pycache__"))
        program = pathlib.Path(temporary) / NAME
        zipapp.create_archive(content, program, interpreter=interpreter, compressed=True)
        checksum = hashlib.sha256(program.read_bytes()).hexdigest()
        manifest = pathlib.Path(temporary) / "connector.json"
        manifest.write_text(json.dumps({
            "name": NAME, "version": "1", "executable": NAME, "sha256": checksum, "source": True, "sink": True,
        }, indent=2) + "\n", encoding="utf-8")
        program.chmod(0o755)
        # A file that is in use keeps its content: the new one takes its name.
        os.replace(program, target / NAME)
        os.replace(manifest, target / "connector.json")
    print(target / "connector.json")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
