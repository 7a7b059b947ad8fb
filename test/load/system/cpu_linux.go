package system

import (
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// processCPU reads the CPU-time clock of another process, exact to the nanosecond where /proc/<pid>/stat counts ticks of
// 10 ms. The clock's number is made as clock_getcpuclockid(3) does.
func processCPU(pid int) (time.Duration, error) {
	var used unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|2), &used); err != nil {
		return 0, err
	}
	return time.Duration(used.Nano()), nil
}

// dieWithParent makes the kernel end the program when this process ends in whatever way.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
