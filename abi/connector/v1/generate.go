// Package connectorv1 is the generated code of connector.proto, the wire
// between the host and connector processes.
package connectorv1

//go:generate sh generate.sh
