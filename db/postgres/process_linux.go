package postgres

import "syscall"

// dieWithParent has the kernel shut the server down (fast, with a checkpoint) when we end without stopping it.
func dieWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGINT }
