// Command sdks writes the SDKs for TypeScript and Go of a package, as `pulumi package add` writes them:
//
//	sdks SCHEMA FOLDER
//
// SCHEMA is the package's schema as JSON. The SDKs are written to FOLDER/nodejs and FOLDER/go. The generators are the
// CLI's own; what the CLI needs beside them, each language's runtime and the plugins of the packages that the schema
// refers to, is not needed here, because AWS's resources that it refers to are declared in aws.json.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/blang/semver"
	golang "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

//go:embed aws.json
var aws []byte

// declared loads AWS's package as far as aws.json has it, and no other.
type declared struct{}

func (declared) LoadPackageV2(_ context.Context, descriptor *schema.PackageDescriptor) (*schema.Package, error) {
	if descriptor.Name != "aws" {
		return nil, fmt.Errorf("the schema refers to package %s, of which nothing is declared", descriptor.Name)
	}
	var spec schema.PackageSpec
	if err := json.Unmarshal(aws, &spec); err != nil {
		return nil, err
	}
	if descriptor.Version != nil {
		spec.Version = descriptor.Version.String()
	}
	return schema.ImportSpec(spec, nil, declared{}, schema.ValidationOptions{})
}

func (d declared) LoadPackage(name string, version *semver.Version) (*schema.Package, error) {
	return d.LoadPackageV2(context.Background(), &schema.PackageDescriptor{Name: name, Version: version})
}

func (d declared) LoadPackageReferenceV2(
	ctx context.Context, descriptor *schema.PackageDescriptor,
) (schema.PackageReference, error) {
	pkg, err := d.LoadPackageV2(ctx, descriptor)
	if err != nil {
		return nil, err
	}
	return pkg.Reference(), nil
}

func (d declared) LoadPackageReference(name string, version *semver.Version) (schema.PackageReference, error) {
	return d.LoadPackageReferenceV2(context.Background(), &schema.PackageDescriptor{Name: name, Version: version})
}

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("expected SCHEMA and FOLDER, found %d arguments", len(os.Args)-1))
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		fail(err)
	}
	for name, generate := range map[string]func(*schema.Package) (map[string][]byte, error){
		"nodejs": func(pkg *schema.Package) (map[string][]byte, error) {
			return nodejs.GeneratePackage("pulumi", pkg, nil, nil, true, declared{})
		},
		"go": func(pkg *schema.Package) (map[string][]byte, error) {
			return golang.GeneratePackage("pulumi", pkg, nil)
		},
	} {
		// Generating changes the package, so that each language has one of its own.
		var spec schema.PackageSpec
		if err := json.Unmarshal(text, &spec); err != nil {
			fail(fmt.Errorf("%s: %w", os.Args[1], err))
		}
		pkg, err := schema.ImportSpec(spec, nil, declared{}, schema.ValidationOptions{})
		if err != nil {
			fail(err)
		}
		files, err := generate(pkg)
		if err != nil {
			fail(fmt.Errorf("%s: %w", name, err))
		}
		for path, content := range files {
			if err := write(filepath.Join(os.Args[2], name, path), content); err != nil {
				fail(err)
			}
		}
	}
}

func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "sdks:", err)
	os.Exit(1)
}
