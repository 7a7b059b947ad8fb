package idempotency

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxKeyLength bounds the keys that callers choose, in bytes.
const MaxKeyLength = 255

// keySize is the length of everything derived, in bytes.
const keySize = 32

// Key is what is derived of a caller's credential and the key that the caller chose. It is of use for nobody else: with
// the database alone neither requests nor answers can be read or tried out, so that an answer with a secret, such as
// that of a new token, can be kept and given once more.
type Key struct {
	id   []byte // names the row
	mac  []byte // makes fingerprints
	seal []byte // encrypts the answer
}

// NewKey derives a Key. credential is what proves who the caller is (the secret of an API token); chosen has at most
// MaxKeyLength bytes.
func NewKey(credential, chosen string) (Key, error) {
	root, err := hkdf.Extract(sha256.New, []byte(credential), []byte("pennon idempotency key"))
	if err != nil {
		return Key{}, fmt.Errorf("derive idempotency key: %w", err)
	}
	var key Key
	for use, target := range map[string]*[]byte{"id": &key.id, "fingerprint": &key.mac, "answer": &key.seal} {
		if *target, err = hkdf.Expand(sha256.New, root, use+" "+chosen, keySize); err != nil {
			return Key{}, fmt.Errorf("derive idempotency key: %w", err)
		}
	}
	return key, nil
}

// Fingerprint tells requests apart. Each part counts with its length.
func (k Key) Fingerprint(parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, k.mac)
	var length [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		mac.Write(length[:])
		mac.Write(part)
	}
	return mac.Sum(nil)
}

// lock is the number of the advisory lock.
func (k Key) lock() int64 { return int64(binary.BigEndian.Uint64(k.id)) }

func (k Key) cipher() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.seal)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// encrypt seals text for the row with that fingerprint.
func (k Key) encrypt(text, fingerprint []byte) ([]byte, error) {
	aead, err := k.cipher()
	if err != nil {
		return nil, fmt.Errorf("seal answer: %w", err)
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(text)+aead.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("seal answer: %w", err)
	}
	return aead.Seal(nonce, nonce, text, fingerprint), nil
}

func (k Key) decrypt(sealed, fingerprint []byte) ([]byte, error) {
	aead, err := k.cipher()
	if err != nil {
		return nil, fmt.Errorf("open answer: %w", err)
	}
	if len(sealed) < aead.NonceSize() {
		return nil, errors.New("open answer: too short")
	}
	text, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], fingerprint)
	if err != nil {
		return nil, fmt.Errorf("open answer: %w", err)
	}
	return text, nil
}
