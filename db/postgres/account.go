package postgres

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// Account is the operating system's user that a server runs as. PostgreSQL refuses root.
type Account struct {
	switched bool // another one than ours
	uid, gid uint32
}

// ServerAccount is our own account, or for root the user postgres, else nobody.
func ServerAccount() (Account, error) {
	if os.Geteuid() != 0 {
		return Account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return Account{}, fmt.Errorf("user %s: %w", name, err)
		}
		return Account{switched: true, uid: uint32(uid), gid: uint32(gid)}, nil
	}
	return Account{}, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody: " +
		"create one, run as another user, or set DATABASE_URL")
}

// Own gives a file or directory to the account.
func (a Account) Own(path string) error {
	if !a.switched {
		return nil
	}
	return os.Chown(path, int(a.uid), int(a.gid))
}

// apply makes a command run as the account.
func (a Account) apply(command *exec.Cmd) {
	if !a.switched {
		return
	}
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
}
