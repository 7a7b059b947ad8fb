//go:build !linux

package postgres

import "syscall"

// dieWithParent does nothing where the kernel offers no such thing: endOrphan stops the server at the next start.
func dieWithParent(*syscall.SysProcAttr) {}
