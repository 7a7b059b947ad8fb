// Package ticket seals what a client shall bring back without being able to read or change it: for browsers, whose
// EventSource cannot send a header, what they would have said in one.
//
// All nodes of an instance share a secret and so open each other's tickets. The package is pure; it imports only the
// standard library, and any package may import it.
package ticket

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"sync/atomic"
)

const (
	nonceSize = 12
	keySize   = 32

	// fingerprintSize is how many bytes of a key's name are shown.
	fingerprintSize = 4
)

// Keys seal and open tickets. Make some with New; Set replaces the secret at run time. They are safe for concurrent use.
type Keys struct {
	current atomic.Pointer[keySet]
}

// keySet is what is derived from a secret. It is immutable.
type keySet struct {
	seal        cipher.AEAD
	nonce       []byte // the HMAC key that nonces are made with
	fingerprint string
}

// New makes Keys of a secret, which should have at least 32 random bytes.
func New(secret []byte) *Keys {
	k := &Keys{}
	k.Set(secret)
	return k
}

// Set replaces the secret. Tickets sealed with the old one can no longer be opened.
func (k *Keys) Set(secret []byte) {
	block, err := aes.NewCipher(derive(secret, "pennon ticket encryption"))
	if err != nil { // the key's size is right
		panic(err)
	}
	seal, err := cipher.NewGCM(block)
	if err != nil { // as is the block's
		panic(err)
	}
	name := derive(secret, "pennon ticket fingerprint")
	k.current.Store(&keySet{
		seal:        seal,
		nonce:       derive(secret, "pennon ticket nonce"),
		fingerprint: hex.EncodeToString(name[:fingerprintSize]),
	})
}

func derive(secret []byte, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, purpose, keySize)
	if err != nil { // the size is far below HKDF's limit
		panic(err)
	}
	return key
}

// Fingerprint names the secret without telling it.
func (k *Keys) Fingerprint() string { return k.current.Load().fingerprint }

// Seal encrypts and authenticates plain as a text fit for a URL. The same input gives the same text as long as the secret
// stays, so that who compares tickets finds them equal: the nonce is a keyed hash of the input, never a counter. A ticket
// is opened only with the purpose it was sealed for.
func (k *Keys) Seal(purpose string, plain []byte) string {
	keys := k.current.Load()
	hash := hmac.New(sha256.New, keys.nonce)
	hash.Write([]byte(purpose))
	hash.Write([]byte{0})
	hash.Write(plain)
	nonce := hash.Sum(nil)[:nonceSize]
	sealed := keys.seal.Seal(nonce, nonce, plain, []byte(purpose))
	return base64.RawURLEncoding.EncodeToString(sealed)
}

// Open returns what was sealed. It is false for a text that is no ticket, or one of another purpose or secret.
func (k *Keys) Open(purpose, text string) (plain []byte, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(sealed) < nonceSize {
		return nil, false
	}
	plain, err = k.current.Load().seal.Open(nil, sealed[:nonceSize], sealed[nonceSize:], []byte(purpose))
	return plain, err == nil
}
