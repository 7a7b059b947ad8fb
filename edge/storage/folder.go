package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Folder keeps objects in files. Several edges need a folder each. A backup of a newer version takes the place of the older.
type Folder struct {
	path string
}

var _ Storage = Folder{}

// OpenFolder opens the storage at path. Prepare makes the folder.
func OpenFolder(path string) Open {
	return func(string) (Storage, error) { return Folder{path}, nil }
}

func fileName(kind Kind) string {
	return [...]string{Backup: "pennon-edge.json", ImportedFeatures: "unleash_features.json", ImportedTokens: "unleash_tokens.json"}[kind]
}

// Spell implements Storage.
func (f Folder) Spell(object Object) string { return filepath.Join(f.path, fileName(object.Kind)) }

// Prepare makes the folder, and fails if nothing can be written there.
func (f Folder) Prepare(context.Context) error {
	if err := os.MkdirAll(f.path, 0o700); err != nil {
		return fmt.Errorf("backup folder: %w", err)
	}
	probe, err := os.CreateTemp(f.path, fileName(Backup)+".*.tmp")
	if err != nil {
		return fmt.Errorf("backup folder: %w", err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// Load implements Storage.
func (f Folder) Load(_ context.Context, object Object) (content []byte, written time.Time, err error) {
	path := f.Spell(object)
	content, err = os.ReadFile(path)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read backup: %w", err)
	}
	if info, err := os.Stat(path); err == nil {
		written = info.ModTime()
	}
	return content, written, nil
}

// Save implements Storage. Only the owner may read the file.
func (f Folder) Save(_ context.Context, object Object, content []byte) (err error) {
	file, err := os.CreateTemp(f.path, fileName(Backup)+".*.tmp") // only the owner may read it
	if err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, err = file.Write(content)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), f.Spell(object))
	}
	if err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	if directory, err := os.Open(f.path); err == nil { // makes the new name last; not all systems know how
		_ = directory.Sync()
		_ = directory.Close()
	}
	return nil
}

// Close implements Storage.
func (f Folder) Close() error { return nil }
