package objectstore_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

func TestHashText(t *testing.T) {
	h := objectstore.Sum(objectstore.KindCode, []byte("x"))
	back, err := objectstore.ParseHash(h.String())
	if err != nil || back != h || h.Short() != h.String()[:7] || h.IsZero() {
		t.Errorf("%s became %s: %v", h, back, err)
	}
	if !(objectstore.Hash{}).IsZero() {
		t.Error("the zero hash is not zero")
	}
	for _, bad := range []string{"", "ab", strings.ToUpper(h.String()), h.String() + "0", h.String()[1:] + "g", " " + h.String()[1:]} {
		if _, err := objectstore.ParseHash(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	text, err := json.Marshal(h)
	if err != nil || string(text) != `"`+h.String()+`"` {
		t.Errorf("JSON %s: %v", text, err)
	}
}

func TestHashCBOR(t *testing.T) {
	h := objectstore.Sum(objectstore.KindCode, []byte("x"))
	data, err := wire.Marshal(h)
	if err != nil || !bytes.Equal(data, append([]byte{0x58, 0x20}, h[:]...)) {
		t.Fatalf("%x: %v", data, err)
	}
	var back objectstore.Hash
	if err := wire.Unmarshal(data, &back); err != nil || back != h {
		t.Errorf("%s became %s: %v", h, back, err)
	}
	for _, bad := range [][]byte{
		{0x40}, append([]byte{0x58, 0x1f}, h[:31]...), append(append([]byte{0x58, 0x21}, h[:]...), 0),
		{0xf6}, {0x80}, append([]byte{0x98, 0x20}, make([]byte, 32)...), append([]byte{0x78, 0x20}, make([]byte, 32)...),
	} {
		if err := wire.Unmarshal(bad, &back); err == nil {
			t.Errorf("%x is accepted", bad)
		}
	}
}

func TestSum(t *testing.T) {
	for _, size := range []int{0, 1, 510, 511, 512, 5000} {
		data := bytes.Repeat([]byte{7}, size)
		want := objectstore.Hash(sha256.Sum256(append([]byte{byte(objectstore.KindBlock)}, data...)))
		if got := objectstore.Sum(objectstore.KindBlock, data[:size/2], data[size/2:]); got != want {
			t.Errorf("%d bytes: %s, want %s", size, got, want)
		}
	}
	if n := testing.AllocsPerRun(10, func() { objectstore.Sum(objectstore.KindBlock, []byte("short")) }); n > 0 {
		t.Errorf("a short sum allocates %v times", n)
	}
}

// Every kind has a name of its own, and none is a tag of RFC 6962.
func TestKinds(t *testing.T) {
	names := map[string]objectstore.Kind{}
	for k := range 256 {
		name := objectstore.Kind(k).String()
		if other, taken := names[name]; taken {
			t.Errorf("%d and %d are both %s", k, other, name)
		}
		names[name] = objectstore.Kind(k)
		if k <= 1 && !strings.HasPrefix(name, "unknown") {
			t.Errorf("kind %d is a tag of RFC 6962", k)
		}
	}
}
