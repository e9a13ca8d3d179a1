//go:build !unix

package main

import (
	"os"
	"time"
)

// processTime is not known here.
func processTime() time.Duration { return 0 }

// memoryOf is not known here.
func memoryOf(*os.ProcessState) string { return "memory not known" }
