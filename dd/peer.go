package dd

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Peer says who replicates the ledger, and where. It gives no right: what a peer
// is served, and what of its word counts, is decided by the roles of its account.
type Peer struct {
	Name string `cbor:"1,keyasint"`
	// Account is the one whose present keys, any one of them, the peer proves
	// itself with; Descriptor is its first, as in an Identity.
	Account    objectstore.Account `cbor:"2,keyasint"`
	Descriptor []byte              `cbor:"3,keyasint"`
	// Addresses are where it is reached, the best first (CheckAddress); none
	// where it only calls others.
	Addresses []string `cbor:"4,keyasint,omitempty"`
	// Mirror: it is trusted for nothing and only passes on what proves itself.
	Mirror bool                `cbor:"5,keyasint,omitempty"`
	By     objectstore.Account `cbor:"6,keyasint"` // the admin who vouched for it last
	Since  int64               `cbor:"7,keyasint"` // when he did, ms since 1970
}

func keyPeer(name string) []any { return []any{"peer", name} }

// Peer gives the peer of a name.
func (s State) Peer(name string) (Peer, bool, error) { return get[Peer](s, keyPeer(name)) }

// Peers gives all peers by name, at most MaxPeers.
func (s State) Peers() ([]Peer, error) { return all[Peer](s, "peer") }

// SetPeer adds a peer, or changes the one of this name: all is said anew. With
// Off, and nothing else but the name, it removes it. Needs the right Admin on
// everything; to change nothing but the addresses, RightPeer.
type SetPeer struct {
	Name       string   `cbor:"1,keyasint"`
	Off        bool     `cbor:"2,keyasint,omitempty"`
	Descriptor []byte   `cbor:"3,keyasint,omitempty"` // canonical, of its account
	Addresses  []string `cbor:"4,keyasint,omitempty"`
	Mirror     bool     `cbor:"5,keyasint,omitempty"`
}

func (SetPeer) kind() OperationKind { return KindPeer }

func (c SetPeer) records(s State, op Operation) ([]record, error) {
	if err := checkIdentityName(c.Name); err != nil {
		return nil, err
	}
	known, ok, err := s.Peer(c.Name)
	if err != nil {
		return nil, err
	}
	q := Question{Account: op.Account, Right: RightAdmin, Name: "*"}
	moved := ok && !c.Off && bytes.Equal(c.Descriptor, known.Descriptor) && c.Mirror == known.Mirror
	if moved {
		q.Right, q.Name = RightPeer, c.Name
	}
	if err := Decide(s, q); err != nil {
		return nil, err
	}
	if c.Off {
		if len(c.Descriptor) > 0 || len(c.Addresses) > 0 || c.Mirror {
			return nil, fault.New("AG0102", "", "what removes a peer says nothing else")
		}
		if !ok {
			return nil, fault.New("AG0203", "aergo peers lists them", "there is no peer %s", c.Name)
		}
		return []record{{keyPeer(c.Name), nil}}, nil
	}
	p := Peer{Name: c.Name, Descriptor: c.Descriptor, Addresses: c.Addresses, Mirror: c.Mirror, By: op.Account, Since: op.Created}
	if moved {
		if slices.Equal(c.Addresses, known.Addresses) {
			return nil, fault.New("AG0703", "", "peer %s has these addresses already", c.Name)
		}
		if op.Account == known.Account {
			p.By, p.Since = known.By, known.Since // it does not vouch for itself
		}
	}
	if p.Account, err = s.peerAccount(c.Descriptor); err != nil {
		return nil, err
	}
	if err := checkAddresses(c.Addresses); err != nil {
		return nil, err
	}
	if err := s.roomForPeer(p, ok); err != nil {
		return nil, err
	}
	return []record{{keyPeer(c.Name), p}}, nil
}

// peerAccount is the account of a descriptor, if a connection can be proven by
// its present keys: by one, that is no hardware key.
func (s State) peerAccount(descriptor []byte) (objectstore.Account, error) {
	d, err := sign.ParseDescriptor(descriptor)
	if err != nil {
		return "", err
	}
	account := objectstore.Account(sign.AccountOf(d))
	if err := checkAccount("peer", account); err != nil {
		return "", err
	}
	if err := s.notGone(account); err != nil {
		return "", err
	}
	if present, err := s.Present(account); err != nil {
		return "", err
	} else if present != nil {
		if d, err = sign.ParseDescriptor(present); err != nil {
			return "", err
		}
	}
	if d.Threshold() != 1 || slices.ContainsFunc(d.Keys(), func(k []byte) bool { return len(k) != len(sign.Point(k)) }) {
		return "", fault.New("AG0102", "make a key for the machine: aergo key new NAME", "a peer proves itself by one plain key: %s signs by several together, or by a hardware key", s.who(account))
	}
	return account, nil
}

// roomForPeer checks that an account is one peer, and that there are not too many.
func (s State) roomForPeer(p Peer, known bool) error {
	list, err := s.Peers()
	if err != nil {
		return err
	}
	for _, other := range list {
		if other.Account == p.Account && other.Name != p.Name {
			return fault.New("AG0703", "aergo peers remove "+other.Name, "%s is the peer %s already", s.who(p.Account), other.Name)
		}
	}
	if !known && len(list) >= MaxPeers {
		return fault.New("AG0102", "remove one that is not used: aergo peers remove NAME", "there are %d peers, and more are not kept", MaxPeers)
	}
	return nil
}

// mayMove is the rule of RightPeer.
func (s State) mayMove(q Question) error {
	p, ok, err := s.Peer(q.Name)
	if err != nil || ok && p.Account == q.Account {
		return err
	}
	if err := Decide(s, Question{Account: q.Account, Right: RightAdmin, Name: "*"}); err != nil {
		if ok {
			return fault.New("AG0501", "have "+s.who(p.Account)+" do it, or an admin of everything", "%s may not change where peer %s is: that is for itself, %s, and for admins on *", s.who(q.Account), q.Name, s.who(p.Account))
		}
		return err
	}
	return nil
}

func checkAddresses(list []string) error {
	if len(list) > MaxAddresses {
		return fault.New("AG0102", "", "%d addresses, a peer has at most %d", len(list), MaxAddresses)
	}
	for i, a := range list {
		if err := CheckAddress(a); err != nil {
			return err
		}
		if slices.Contains(list[:i], a) {
			return fault.New("AG0102", "", "address %s stands there twice", a)
		}
	}
	return nil
}

// CheckAddress is the rule for addresses of peers: https://host:port, or that and
// a path, in the one form that there is for each. The host is a name in lower
// case or an IP address as RFC 5952 writes it, in brackets if it has colons; the
// port is always there; parts of the path have A-Z a-z 0-9 . _ ~ - and do not
// begin with a dot. So there is no user, query, fragment or escape.
func CheckAddress(text string) error {
	if len(text) <= MaxAddress && goodAddress(text) {
		return nil
	}
	if len(text) > MaxAddress {
		text = text[:MaxAddress] + "…"
	}
	return fault.New("AG0102", "write it like https://ledger.example.org:7070/shop or https://[2001:db8::7]:7070/shop, in lower case and with its port",
		"%q is no address of a peer", text)
}

func goodAddress(text string) bool {
	rest, ok := strings.CutPrefix(text, "https://")
	if !ok {
		return false
	}
	at := rest
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		at = rest[:i]
		for part := range strings.SplitSeq(rest[i+1:], "/") {
			if part == "" || part[0] == '.' || strings.Trim(part, pathBytes) != "" {
				return false
			}
		}
	}
	colon := strings.LastIndexByte(at, ':')
	if colon < 0 {
		return false
	}
	host, port := at[:colon], at[colon+1:]
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == port && goodHost(host)
}

const (
	hostBytes = "abcdefghijklmnopqrstuvwxyz0123456789-"
	pathBytes = hostBytes + "ABCDEFGHIJKLMNOPQRSTUVWXYZ._~"
)

func goodHost(host string) bool {
	inner, bracket := strings.CutPrefix(host, "[")
	if bracket {
		inner, bracket = strings.CutSuffix(inner, "]")
	}
	if ip, err := netip.ParseAddr(inner); err == nil {
		return bracket == ip.Is6() && ip.Zone() == "" && !ip.Is4In6() && ip.String() == inner && !ip.IsUnspecified() && !ip.IsMulticast()
	}
	if bracket || inner != host || len(host) > 253 {
		return false
	}
	labels := strings.Split(host, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.Trim(l, hostBytes) != "" || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
	}
	// A last label that begins with a digit would be read as an IP address by
	// some, 127.1 or 0x7f.1.
	last := labels[len(labels)-1]
	return last[0] < '0' || last[0] > '9'
}
