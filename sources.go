// Package turgo carries the sources of the SDKs, so that a program which makes
// new projects can give each its own copy.
package turgo

import "embed"

// Sources holds the files of the SDKs and what they import, under their paths in
// this repository; their tests too.
//
//go:embed LICENSE go.mod go.sum
//go:embed abi/*.go abi/record/*.go abi/connector/v1/*.go
//go:embed guest-sdk/go guest-sdk/c/*.h guest-sdk/c/README.md
//go:embed guest-sdk/rust/Cargo.toml guest-sdk/rust/README.md guest-sdk/rust/src
//go:embed guest-sdk/assemblyscript/assembly guest-sdk/assemblyscript/testkit guest-sdk/assemblyscript/*.ts guest-sdk/assemblyscript/README.md
//go:embed guest-sdk/assemblyscript/operator.json guest-sdk/assemblyscript/package.json guest-sdk/assemblyscript/package-lock.json
//go:embed connectors/*.go connectors/wire/*.go
var Sources embed.FS
