package system

import "context"

// StartCeiling starts one of the bare Go programs and waits until it listens.
func StartCeiling(ctx context.Context, binary, program, logs string, args ...string) (*Process, error) {
	addr, err := FreeAddr()
	if err != nil {
		return nil, err
	}
	p, err := Start(Command{
		Name: program, Path: binary, Args: append([]string{program, "-listen", addr}, args...), Addr: addr, Log: logs,
	})
	if err != nil {
		return nil, err
	}
	if err := p.Ready(ctx, "/health"); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}
