//go:build unix

package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
)

// processTime is the CPU time of this process, on all cores.
func processTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// memoryOf is the peak memory of a process that has ended.
func memoryOf(p *os.ProcessState) string {
	u, ok := p.SysUsage().(*syscall.Rusage)
	if !ok || runtime.GOOS != "linux" { // the unit differs elsewhere
		return "memory not known"
	}
	return fmt.Sprintf("%d MB", u.Maxrss>>10)
}
