#!/bin/sh
# Writes turgo_connector/connector_pb2.py from connector.proto, with the compiler
# of the release of gRPC that the connector asks for.
set -eu
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
python3 -m venv "$tools"
"$tools/bin/pip" install --quiet --disable-pip-version-check grpcio-tools==1.76.0
"$tools/bin/python" -m grpc_tools.protoc -I../../abi/connector/v1 --python_out=turgo_connector connector.proto
