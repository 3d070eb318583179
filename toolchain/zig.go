package toolchain

import (
	"context"
	"fmt"
	"slices"
)

var zigAdvice = []Advice{
	{"anywhere", "pip install ziglang (it is found as python3 -m ziglang), or https://ziglang.org/download"},
	{"macOS", "brew install zig"},
}

// findZig finds zig, or the package of Python that has it.
func (p *project) findZig(ctx context.Context) ([]string, error) {
	if path, found := lookUp("zig"); found {
		return []string{path}, nil
	}
	if path, found := lookUp("python3"); found {
		if _, err := p.ask(ctx, path, "-m", "ziglang", "version"); err == nil {
			return []string{path, "-m", "ziglang"}, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return nil, &MissingError{Language: Zig, Tool: "zig", Advice: zigAdvice}
}

func buildZig(ctx context.Context, p *project, out string) error {
	root, err := rootFile(p.folder, ".zig")
	if err != nil {
		return err
	}
	zig, err := p.findZig(ctx)
	if err != nil {
		return err
	}
	arguments := append(slices.Clone(zig[1:]), "build-exe", root,
		"-target", "wasm32-freestanding", "-fno-entry", "-rdynamic", "-O", "ReleaseSmall", "-fstrip", "-femit-bin="+out)
	_, err = p.run(ctx, command{path: zig[0], arguments: arguments})
	return err
}

// rootFile is the file that the compiler begins with: main, operator, or the only one.
func rootFile(folder, extension string) (string, error) {
	files, err := sources(folder, extension)
	if err != nil {
		return "", err
	}
	if len(files) == 1 {
		return files[0], nil
	}
	for _, name := range []string{"main" + extension, "operator" + extension} {
		if slices.Contains(files, name) {
			return name, nil
		}
	}
	return "", fmt.Errorf("toolchain: %s holds %d %s files: name the one to begin with main%s", folder, len(files), extension, extension)
}
