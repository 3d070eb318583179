package toolchain

import "context"

var watAdvice = []Advice{
	{"Debian", "apt-get install wabt"},
	{"macOS", "brew install wabt"},
	{"anywhere", "https://github.com/WebAssembly/wabt/releases"},
}

func buildWAT(ctx context.Context, p *project, out string) error {
	file, err := rootFile(p.folder, ".wat")
	if err != nil {
		return err
	}
	path, found := lookUp("wat2wasm")
	if !found {
		return &MissingError{Language: WAT, Tool: "wat2wasm", Advice: watAdvice}
	}
	_, err = p.run(ctx, command{path: path, arguments: []string{file, "-o", out}})
	return err
}
