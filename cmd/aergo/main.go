// Command aergo is a Git-style ledger with SQL contracts: see package internal/cli.
package main

import "github.com/aergo-git/aergo-git/internal/cli"

func main() { cli.Main() }
