package sign

import (
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/hex"
	"math/big"
	"slices"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"
)

// smallOrder are all encodings of the 8 points of small order: 8 canonical,
// then 6 that are not.
var smallOrder = []string{
	"0100000000000000000000000000000000000000000000000000000000000000",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	"0100000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
}

// edge is a signature at the border of what is valid.
type edge struct {
	Name      string `json:"name"`
	Key       string `json:"key"`
	Signature string `json:"signature"`
	Valid     bool   `json:"valid"`
}

func (e edge) signature(t testing.TB) Signature {
	return Signature{Scheme: SchemeEd25519, Key: unhex(t, e.Key), Bytes: unhex(t, e.Signature)}
}

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func point(t testing.TB, encoded []byte) *curve.EdwardsPoint {
	var y curve.CompressedEdwardsY
	if _, err := y.SetBytes(encoded); err != nil {
		t.Fatal(err)
	}
	p, err := new(curve.EdwardsPoint).SetCompressedY(&y)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func encode(t testing.TB, p *curve.EdwardsPoint) []byte {
	b, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// forge makes a signature of message whose key is a*B plus a point of small
// order and whose R is written as given, r being its discrete logarithm.
func forge(t testing.TB, seed byte, torsionA *curve.EdwardsPoint, r *scalar.Scalar, rBytes, message []byte) (key, sig []byte) {
	digest := sha512.Sum512([]byte{seed})
	a, err := scalar.NewFromBytesModOrderWide(digest[:])
	if err != nil {
		t.Fatal(err)
	}
	var A curve.EdwardsPoint
	A.MulBasepoint(curve.ED25519_BASEPOINT_TABLE, a)
	if torsionA != nil {
		A.Add(&A, torsionA)
	}
	key = encode(t, &A)
	h := sha512.New()
	h.Write(rBytes)
	h.Write(key)
	h.Write(message)
	k, err := scalar.NewFromBytesModOrderWide(h.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	s := scalar.New().Mul(k, a)
	s.Add(s, r)
	sBytes := make([]byte, 32)
	if err := s.ToBytes(sBytes); err != nil {
		t.Fatal(err)
	}
	return key, append(slices.Clone(rBytes), sBytes...)
}

// order is L, the order of the group.
func order() *big.Int {
	l, _ := new(big.Int).SetString("27742317777372353535851937790883648493", 10)
	return l.Add(l, new(big.Int).Lsh(big.NewInt(1), 252))
}

// plusOrder adds L to the S of a signature.
func plusOrder(sig []byte) []byte {
	be := slices.Clone(sig[32:])
	slices.Reverse(be)
	s := new(big.Int).SetBytes(be)
	s.Add(s, order()).FillBytes(be)
	slices.Reverse(be)
	return append(slices.Clone(sig[:32]), be...)
}

// edges makes signatures of Message(p, ledger, hash) at every border we know.
func edges(t testing.TB, p Purpose, ledger, hash [32]byte) []edge {
	return edgesOf(t, Message(p, ledger, hash))
}

func edgesOf(t testing.TB, message []byte) []edge {
	var all []edge
	add := func(name string, key, sig []byte, valid bool) {
		all = append(all, edge{name, hex.EncodeToString(key), hex.EncodeToString(sig), valid})
	}
	private := ed25519.NewKeyFromSeed(slices.Repeat([]byte{7}, 32))
	public := private.Public().(ed25519.PublicKey)
	good := ed25519.Sign(private, message)
	add("ordinary", public, good, true)
	add("another message", public, ed25519.Sign(private, message[1:]), false)
	for _, i := range []int{0, 31, 32, 63} {
		bad := slices.Clone(good)
		bad[i] ^= 1
		add("one bit of the signature changed", public, bad, false)
	}
	flipped := slices.Clone(public)
	flipped[31] ^= 0x80
	add("sign of the key changed", flipped, good, false)
	add("S plus L", public, plusOrder(good), false)
	add("highest bit of S set", public, append(slices.Clone(good[:63]), good[63]|0x80), false)

	zero := scalar.New()
	r := scalar.NewFromUint64(12345)
	var R curve.EdwardsPoint
	R.MulBasepoint(curve.ED25519_BASEPOINT_TABLE, r)
	key, sig := forge(t, 1, nil, r, encode(t, &R), message)
	add("made by hand", key, sig, true)
	for _, text := range smallOrder {
		T := point(t, unhex(t, text))
		key, sig := forge(t, 2, nil, zero, unhex(t, text), message)
		add("R of small order "+text[:4]+text[62:], key, sig, true)
		// A signature for everything: identity and zero.
		add("key of small order "+text[:4]+text[62:], unhex(t, text), append(unhex(t, smallOrder[0]), make([]byte, 32)...), false)
		key, sig = forge(t, 3, T, r, encode(t, &R), message)
		add("key of mixed order "+text[:4]+text[62:], key, sig, true)
		var mixed curve.EdwardsPoint
		mixed.Add(&R, T)
		key, sig = forge(t, 4, nil, r, encode(t, &mixed), message)
		add("R of mixed order "+text[:4]+text[62:], key, sig, true)
	}
	// y = 2 is no point; y = p + 3, written too large, is one.
	no := append([]byte{2}, make([]byte, 31)...)
	add("key that is no point", no, good, false)
	add("R that is no point", public, append(slices.Clone(no), good[32:]...), false)
	for y := byte(0xf0); y != 0; y++ {
		large := slices.Concat([]byte{y}, slices.Repeat([]byte{0xff}, 30), []byte{0x7f})
		add("key written non-canonically", large, good, false)
		add("R written non-canonically", public, append(large, good[32:]...), false)
	}
	return all
}

// One signature, with and without cache, alone and among others in a batch:
// always the same answer, and the expected one.
func TestEdgesAgree(t *testing.T) {
	ledger, hash := [32]byte{1}, [32]byte{2}
	all := edges(t, PurposeBlock, ledger, hash)
	keys := NewKeyCache(4)
	batches := map[string]*Batch{"without cache": {}, "with cache": {Keys: keys}}
	var bad []int
	stricter := 0
	for i, e := range all {
		s := e.signature(t)
		if !e.Valid {
			bad = append(bad, i)
		}
		check := func(how string, err error) {
			if (err == nil) != e.Valid {
				t.Errorf("%s, %s: %v, want valid=%v\n%s\n%s", e.Name, how, err, e.Valid, e.Key, e.Signature)
			}
		}
		check("alone", Verify(s, PurposeBlock, ledger, hash))
		check("with cache", keys.Verify(s, PurposeBlock, ledger, hash))
		check("with cache again", keys.Verify(s, PurposeBlock, ledger, hash))
		var one, two Batch
		two.Keys = keys
		one.Add(s, PurposeBlock, ledger, hash)
		check("batch of one", one.Verify())
		two.Add(s, PurposeBlock, ledger, hash)
		two.Add(all[0].signature(t), PurposeBlock, ledger, hash)
		check("batch of two", two.Verify())
		for _, b := range batches {
			b.Add(s, PurposeBlock, ledger, hash)
		}
		if e.Valid != ed25519.Verify(s.Key, Message(PurposeBlock, ledger, hash), s.Bytes) {
			stricter++
		}
	}
	for how, b := range batches {
		err, ok := b.Verify().(*BatchError)
		if !ok || !slices.Equal(err.Bad, bad) {
			t.Errorf("batch %s: %v, want %v", how, err, bad)
		}
	}
	if stricter == 0 {
		t.Error("the edges do not tell our rules from the standard library's: they are too tame")
	}
	t.Logf("%d edges; the standard library answers %d otherwise", len(all), stricter)
}

func TestCheckKeyRefusesSmallOrder(t *testing.T) {
	for _, text := range smallOrder {
		if CheckKey(unhex(t, text)) == nil {
			t.Errorf("%s is accepted", text)
		}
	}
	if CheckKey(append([]byte{2}, make([]byte, 31)...)) == nil || CheckKey(make([]byte, 31)) == nil {
		t.Error("what is no point is accepted")
	}
}
