# Sourced, by sh: finds the Go that a module of this repository needs. Its caller has set $root, and a function `fail`.

at_least() { # $1 is version $2 or a later one
    [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]
}

required() { # the version of module $2 that the go.mod in folder $1 names, without its v
    sed -n "s|^\(require\)\{0,1\}[[:space:]]*$2 v\([^ ]*\).*|\2|p" "$root/$1/go.mod"
}

find_go() { # sets $go and GOTOOLCHAIN for the module in folder $1; $2 says what for, $3 what would do without
    command -v go >/dev/null 2>&1 ||
        fail "Go is needed to build $2 and none was found; install it (Debian: golang-go)${3:+, or $3}"
    go=go
    needed=$(sed -n 's/^go //p' "$root/$1/go.mod")
    installed=$(GOTOOLCHAIN=local go version | sed 's/^go version go\([0-9.]*\).*/\1/')
    export GOTOOLCHAIN="go$needed"
    if at_least "$installed" "$needed"; then
        GOTOOLCHAIN=local
    elif ! at_least "$installed" 1.21; then
        # Go fetches its own successors since 1.21. They are modules, which an older Go can download, and verify, as
        # well; what it cannot do is give them back the permissions and file names that modules cannot have.
        toolchain=$root/.go/go$needed
        if [ ! -x "$toolchain/bin/go" ]; then
            echo "Downloading Go $needed, because Go $installed is too old (once)" >&2
            downloaded=$(cd / && GOFLAGS=-mod=mod go mod download -json \
                "golang.org/toolchain@v0.0.1-go$needed.$(go env GOOS)-$(go env GOARCH)" |
                sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
            [ -n "$downloaded" ] || fail "Go $needed could not be downloaded; install it"
            mkdir -p "$root/.go"
            rm -rf "$toolchain.part"
            cp -R "$downloaded" "$toolchain.part"
            chmod -R u+w "$toolchain.part"
            find "$toolchain.part" -name _go.mod -exec sh -c 'mv "$1" "$(dirname "$1")/go.mod"' _ {} \;
            chmod -R +x "$toolchain.part/bin" "$toolchain.part/pkg/tool"
            mv "$toolchain.part" "$toolchain"
        fi
        go=$toolchain/bin/go
        GOTOOLCHAIN=local
        unset GOROOT
    fi
}
