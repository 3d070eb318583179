"""What a Turgo connector in Python needs and no connector is about: the wire.

A connector's author implements the classes of contract.py and calls
process.serve(). The other modules are the wire, as
abi/connector/v1/connector.proto describes it:

  contract.py   the classes that a connector implements, and its errors
  process.py    handshake, environment, lifeline, log, the gRPC server
  service.py    the control calls
  streams.py    the two streams of records, with their credit
  frames.py     one message of a stream
  records.py    a batch of records
  settings.py   reading the settings of a step
  connector_pb2.py  the messages, made by `make generate`
"""
