package eval

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// murmur3 is the textbook form over joined text, to hold the incremental one against.
func murmur3(data []byte, seed uint32) uint32 {
	hash, length := seed, uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		hash = murmurBlock(hash, uint32(data[0])|uint32(data[1])<<8|uint32(data[2])<<16|uint32(data[3])<<24)
	}
	var tail uint32
	for i, b := range data {
		tail |= uint32(b) << (8 * i)
	}
	if len(data) > 0 {
		hash ^= murmurMix(tail)
	}
	hash ^= length
	hash ^= hash >> 16
	hash *= 0x85ebca6b
	hash ^= hash >> 13
	hash *= 0xc2b2ae35
	return hash ^ hash>>16
}

func TestMurmur3KnownAnswers(t *testing.T) {
	t.Parallel()
	// Published test vectors of MurmurHash3_x86_32.
	for _, test := range []struct {
		text string
		seed uint32
		want uint32
	}{
		{"", 0, 0},
		{"", 1, 0x514e28b7},
		{"test", 0, 0xba6bd213},
		{"test", 0x9747b28c, 0x704b81dc},
		{"Hello, world!", 0, 0xc0363e43},
		{"Hello, world!", 0x9747b28c, 0x24884cba},
		{"The quick brown fox jumps over the lazy dog", 0, 0x2e4ff723},
	} {
		require.Equal(t, test.want, murmur3([]byte(test.text), test.seed), test.text)
	}
}

func TestBucketKeyEqualsTheHashOfJoinedText(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	text := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return string(b)
	}
	for group := range 13 {
		for id := range 13 {
			for _, seed := range []uint32{rolloutSeed, variantSeed} {
				g, i := text(group), text(id)
				key := newBucketKey(g, seed)
				require.Equal(t, murmur3([]byte(g+":"+i), seed), key.sum(i), "%d bytes and %d bytes", group, id)
			}
		}
	}
}

func TestBucketKnownAnswers(t *testing.T) {
	t.Parallel()
	// From the documentation and tests that the Unleash SDKs share.
	for _, test := range []struct {
		id, group string
		want      uint32
	}{
		{"123", "gr1", 73},
		{"999", "groupX", 25},
	} {
		key := newBucketKey(test.group, rolloutSeed)
		require.Equal(t, test.want, key.percent(test.id))
	}
	for _, test := range []struct {
		id, group string
		want      uint32
	}{
		{"123", "gr1", 96},
		{"999", "groupX", 60},
	} {
		key := newBucketKey(test.group, variantSeed)
		require.Equal(t, test.want, key.percent(test.id))
	}
}
