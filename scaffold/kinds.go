package scaffold

import "github.com/turgo-stream/turgo/toolchain"

// operatorCommands are what the author of an operator runs besides build and test.
var operatorCommands = []string{
	"turgo conformance operator @name@.wasm", "turgo check job.yaml", "turgo run job.yaml",
}

// operatorGo is the oldest Go that the SDK is written for: the first that makes
// modules of the reactor kind. `go vet` in a new project finds what is younger.
const operatorGo = "1.24.0"

// operatorKinds are the projects of operators. The operator behaves the same in each.
var operatorKinds = map[toolchain.Language]*kind{
	toolchain.Go: {
		templates: []string{"operator", "go"},
		sdk: sdk{goVersion: operatorGo, copies: []copied{
			{from: "abi", to: "abi", flat: true}, {from: "abi/record", to: "abi/record"}, {from: "guest-sdk/go", to: "guest-sdk/go"},
		}},
		words: map[string]string{
			"language": "Go", "needs": "; needs Go @go@ or later",
			"files": "| `main.go`, `main_test.go` | the operator, and its tests with package `turgotest`. " +
				"[The SDK's page](turgo-sdk/guest-sdk/go/README.md) shows all there is |",
		},
		test: "go test", further: operatorCommands,
	},
	toolchain.Rust: {
		templates: []string{"operator", "rust"},
		sdk: sdk{copies: []copied{
			{from: "guest-sdk/rust/Cargo.toml", to: "Cargo.toml"}, {from: "guest-sdk/rust/README.md", to: "README.md"}, {from: "guest-sdk/rust/src", to: "src"},
		}},
		words: map[string]string{
			"language": "Rust", "needs": "; needs Rust 1.63 or later with the target `wasm32-unknown-unknown` (`rustup target add wasm32-unknown-unknown`)",
			"files": "| `src/lib.rs` | the operator, and its tests with `turgo::testing`. `cargo doc --open` shows all that [the SDK](turgo-sdk/README.md) has |",
		},
		test: "cargo test", further: operatorCommands,
	},
	toolchain.C: {
		templates: []string{"operator", "c"},
		sdk:       sdk{copies: []copied{{from: "guest-sdk/c", to: "."}}},
		words: map[string]string{
			"language": "C", "needs": "; needs clang 14 or later and its `wasm-ld`",
			"files": "| `@name@.c`, `@name@_test.c`, `Makefile` | the operator, and its tests with `turgo_test.h`. " +
				"[The SDK's page](turgo-sdk/README.md) tells the rules, [its header](turgo-sdk/turgo.h) shows all there is |",
		},
		test: "make test", further: operatorCommands,
	},
	toolchain.AssemblyScript: {
		templates: []string{"operator", "assemblyscript"},
		sdk: sdk{edit: withoutDevelopment, copies: []copied{
			{from: npmFolder + "/assembly", to: "assembly"}, {from: npmFolder + "/testkit", to: "testkit"},
			{from: npmFolder + "/exports.ts", to: "exports.ts"}, {from: npmFolder + "/index.ts", to: "index.ts"},
			{from: npmFolder + "/operator.json", to: "operator.json"}, {from: npmFolder + "/package.json", to: "package.json"},
			{from: npmFolder + "/README.md", to: "README.md"},
		}},
		words: map[string]string{
			"language": "AssemblyScript", "assemblyscript": compilerVersion(),
			"needs": "; needs Node 18 or later, and npm: the first build gets the compiler from its registry",
			"files": "| `assembly/` | the operator |\n| `tests/counts.test.js` | its tests, in Node, with the kit `@turgo/operator/testkit`. [The SDK's page](turgo-sdk/README.md) shows all there is |",
		},
		locks: npmFiles,
		test:  "npm test", further: operatorCommands,
	},
}

// wireModules are the modules that package connectors/wire needs.
var wireModules = []string{
	"github.com/fatih/color", "github.com/golang/protobuf", "github.com/hashicorp/go-hclog", "github.com/hashicorp/go-plugin",
	"github.com/hashicorp/yamux", "github.com/mattn/go-colorable", "github.com/mattn/go-isatty", "github.com/oklog/run",
	"golang.org/x/net", "golang.org/x/sys", "golang.org/x/text", "google.golang.org/genproto/googleapis/rpc",
	"google.golang.org/grpc", "google.golang.org/protobuf",
}

// connectorKind is the project of a connector.
var connectorKind = &kind{
	templates: []string{"connector"},
	sdk: sdk{goVersion: repositoryGo(), modules: wireModules, copies: []copied{
		{from: "abi", to: "abi", flat: true}, {from: "abi/record", to: "abi/record"}, {from: "abi/connector/v1", to: "abi/connector/v1"},
		{from: "connectors", to: "connectors", flat: true}, {from: "connectors/wire", to: "connectors/wire"},
	}},
	words: map[string]string{"requirements": requirements(wireModules, " // indirect")},
	locks: goSums,
	test:  "go test",
	further: []string{
		"turgo conformance connector ./@name@ --config conformance.yaml",
		"turgo check job.yaml --connectors ..", "turgo run job.yaml --connectors ..",
	},
}
