package eval

import "math/bits"

// Seeds of the two hashes, fixed by the Unleash client specification: activation and variant selection must not be
// correlated, or the first variant would take all of a 10 % rollout.
const (
	rolloutSeed = 0
	variantSeed = 86028157
)

const (
	murmurC1 = 0xcc9e2d51
	murmurC2 = 0x1b873593
)

// bucketKey is the state of murmur3 (x86, 32 bit) after "groupId:" has been fed to it, so that placing an id costs only
// the id's own bytes and never joins two strings.
//
// Text is hashed as UTF-8, as the Go, Java, Python, Ruby, .NET and Rust SDKs do. The Node SDK hashes the low byte of each
// UTF-16 unit, which gives the same buckets for ASCII only.
type bucketKey struct {
	hash   uint32
	tail   uint32 // bytes after the last whole block, little endian
	bits   uint32 // length of tail in bits: 0, 8, 16 or 24
	length uint32 // bytes fed so far
}

func newBucketKey(groupID string, seed uint32) bucketKey {
	k := bucketKey{hash: seed, length: uint32(len(groupID)) + 1}
	prefix := groupID + ":"
	for ; len(prefix) >= 4; prefix = prefix[4:] {
		k.hash = murmurBlock(k.hash, load32(prefix))
	}
	for i := range len(prefix) {
		k.tail |= uint32(prefix[i]) << k.bits
		k.bits += 8
	}
	return k
}

// sum is murmur3("groupId:" + id).
func (k *bucketKey) sum(id string) uint32 {
	hash, pending, shift := k.hash, uint64(k.tail), k.bits&31
	length := k.length + uint32(len(id))
	for ; len(id) >= 4; id = id[4:] {
		pending |= uint64(load32(id)) << shift
		hash = murmurBlock(hash, uint32(pending))
		pending >>= 32
	}
	switch len(id) {
	case 3:
		pending |= uint64(uint32(id[0])|uint32(id[1])<<8|uint32(id[2])<<16) << shift
	case 2:
		pending |= uint64(uint32(id[0])|uint32(id[1])<<8) << shift
	case 1:
		pending |= uint64(id[0]) << shift
	}
	if shift+8*uint32(len(id)) >= 32 {
		hash = murmurBlock(hash, uint32(pending))
		pending >>= 32
	}
	// A tail of zero bytes mixes to zero, so the usual "if there is a tail" needs no branch.
	hash ^= murmurMix(uint32(pending))
	hash ^= length
	hash ^= hash >> 16
	hash *= 0x85ebca6b
	hash ^= hash >> 13
	hash *= 0xc2b2ae35
	return hash ^ hash>>16
}

// percent places id in 1..100.
func (k *bucketKey) percent(id string) uint32 {
	return k.sum(id)%100 + 1
}

func murmurMix(block uint32) uint32 {
	return bits.RotateLeft32(block*murmurC1, 15) * murmurC2
}

func murmurBlock(hash, block uint32) uint32 {
	return bits.RotateLeft32(hash^murmurMix(block), 13)*5 + 0xe6546b64
}

func load32(s string) uint32 {
	_ = s[3]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}
