package dd

import (
	"fmt"
	"strings"
	"testing"
)

// peerOf is a person's machine as a peer of that name.
func peerOf(person string, addresses ...string) SetPeer {
	return SetPeer{Name: person, Descriptor: descriptor(person).Bytes(), Addresses: addresses}
}

func TestPeers(t *testing.T) {
	const here, there = "https://berlin.example:7070/shop", "https://[2001:db8::7]:7070/shop"
	w := newWorld(t)
	w.refused("AG0501", w.do("mallory", peerOf("mallory", here)))
	w.ok(w.do("alice", Grant{Role: Admin, Pattern: "eu/*", Account: account("mallory")}))
	w.refused("AG0501", w.do("mallory", peerOf("mallory", here))) // of eu/* only
	w.ok(w.do("alice", peerOf("bob", here)))
	w.refused("AG0703", w.do("alice", peerOf("bob", here)))

	// bob moves; nobody else moves him, and he changes nothing else of himself.
	added, _, err := w.head().Peer("bob")
	w.ok(err)
	old := w.sign("bob", peerOf("bob", there))
	w.ok(w.append(old))
	p, ok, err := w.head().Peer("bob")
	if err != nil || !ok || p.Addresses[0] != there || p.By != account("alice") || p.Since != added.Since {
		t.Errorf("bob is %+v, %v", p, err)
	}
	w.refused("AG0501", w.do("mallory", peerOf("bob", here)))
	w.refused("AG0705", w.append(old)) // replayed
	mirror := peerOf("bob", there)
	mirror.Mirror = true
	other := peerOf("bob", there)
	other.Descriptor = descriptor("mallory").Bytes()
	for _, c := range []SetPeer{mirror, other, {Name: "bob", Off: true}} {
		w.refused("AG0501", w.do("bob", c))
	}
	for _, c := range []SetPeer{ // whoever says it
		{Name: "carol", Descriptor: descriptor("bob").Bytes()}, // one account, one peer
		{Name: "carol", Off: true},
		{Name: "bob", Off: true, Mirror: true},
		{Name: "eu/x", Descriptor: descriptor("carol").Bytes()},
		{Name: "carol", Descriptor: mOf(2, "carol", "dave").Bytes()},
		{Name: "carol", Descriptor: []byte("no descriptor")},
		{Name: "carol"},
		peerOf("carol", here, here),
		peerOf("carol", strings.Split("https://a:1 https://a:2 https://a:3 https://a:4 https://a:5 https://a:6 https://a:7 https://a:8 https://a:9", " ")...),
	} {
		if err := w.do("alice", c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}

	// A key that was replaced moves nobody; the account's present one does.
	w.ok(w.do("bob", SetKeys{Account: account("bob"), Descriptor: descriptor("bob 1").Bytes()}))
	w.refused("AG0601", w.append(attempt{author: "bob", change: peerOf("bob", here)}.signed(w.head(), 1)))
	w.ok(w.append(attempt{author: "bob", key: 1, change: peerOf("bob", here)}.signed(w.head(), 2)))

	// An admin makes it a mirror, and removes it; then its account says nothing.
	w.ok(w.do("alice", mirror))
	w.ok(w.do("alice", SetPeer{Name: "bob", Off: true}))
	w.refused("AG0501", w.append(attempt{author: "bob", key: 1, change: peerOf("bob", there)}.signed(w.head(), 3)))
	if list, err := w.head().Peers(); err != nil || len(list) != 0 {
		t.Errorf("peers %v, %v", list, err)
	}
}

func TestPeersAreCounted(t *testing.T) {
	s := firstState()
	var list []record
	for i := range MaxPeers {
		name := fmt.Sprint("p", i)
		list = append(list, record{keyPeer(name), Peer{Name: name, Account: account(name)}})
	}
	s = must(s.put(list))
	if _, err := peerOf("bob").records(s, Operation{Account: account("alice")}); err == nil {
		t.Errorf("%d peers and one more", MaxPeers)
	}
}

func TestAddresses(t *testing.T) {
	for _, good := range []string{
		"https://localhost:7070", "https://127.0.0.1:7070/shop", "https://[::1]:1/a", "https://xn--caf-dma.example:65535/A/b_c.d~e-f/1",
	} {
		if err := CheckAddress(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{
		"", "https://", "http://a:1", "HTTPS://a:1", "https://a", "https://a:0", "https://a:01", "https://a:65536", "https://a:+1", "https://:1",
		"https://A:1", "https://a:1/", "https://a:1/b/", "https://a:1//b", "https://a:1/../b", "https://a:1/./b", "https://a:1/.b", "https://a:1/%2e",
		"https://a:1?x", "https://a:1#x", "https://bob@a:1", "https://bob:secret@a:1", "https://a:1/b c", "https://a\x00:1", "https://a:1/\x1b[2J", "https://a:1/b\n",
		"https://é.example:1", "https://-a:1", "https://a-:1", "https://a..b:1", "https://a.:1", "https://127.1:1", "https://0x7f.1:1", "https://2130706433:1",
		"https://127.0.0.01:1", "https://0.0.0.0:1", "https://[::]:1", "https://224.0.0.1:1", "https://::1:1", "https://[127.0.0.1]:1", "https://[fe80::1%25en0]:1",
		"https://[2001:DB8::7]:1", "https://[2001:db8:0::7]:1", "https://[::ffff:127.0.0.1]:1", "https://[::1:1", "https://::1]:1",
		"https://" + strings.Repeat("a", 64) + ":1", "https://a:1/" + strings.Repeat("b", MaxAddress),
	} {
		if err := CheckAddress(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
