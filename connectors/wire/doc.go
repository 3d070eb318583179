// Package wire carries the contract of package connectors between two
// processes: gRPC on a unix socket, control calls in protobuf, batches as frames
// whose bytes nobody encodes again. abi/connector/v1/connector.proto describes
// it for other languages. A connector's own program calls Serve; the host's
// end, NewSource and NewSink, behaves as a direct call does.
package wire
