package dd

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/internal/ledgertest"
)

// ruleModel is an independent account of who rules a ledger: persons with a
// present key, admins, grants below eu/, a threshold, revoked persons and keys.
type ruleModel struct {
	key       map[string]int          // number of the person's present key
	admins    map[string]bool         // of *
	delegates map[string]bool         // admins of eu/*
	readers   map[string]bool         // of eu/x
	gone      map[string]bool         // revoked accounts
	dead      map[string]map[int]bool // revoked keys
	producer  string
	threshold int
	engine    int
	peers     map[string]int // address of the person's machine, by number
	branch    string         // name of the one branch beside main; "-": it was deleted
}

// attempt is one operation that somebody tries.
type attempt struct {
	author string
	key    int // by which he signs
	with   map[string]int
	change Change
	kind   string
	person string
	name   string // of a branch
	n      int
	next   int // of a revoked key: the key that the person has instead, 0 for none
}

// live counts the admins who were not revoked.
func (m *ruleModel) live() (n int) {
	for who := range m.admins {
		if !m.gone[who] {
			n++
		}
	}
	return n
}

func (m *ruleModel) signs(person string, key int) bool {
	return m.key[person] == key && !m.gone[person]
}

func (m *ruleModel) root(a attempt) bool {
	needed := min(m.threshold, m.live())
	if !m.admins[a.author] || len(a.with)+1 != needed {
		return false
	}
	for who, key := range a.with {
		if who == a.author || !m.admins[who] || !m.signs(who, key) {
			return false
		}
	}
	return true
}

// rules says whether a person is admin of a name.
func (m *ruleModel) rules(person, name string) bool {
	return m.admins[person] || m.delegates[person] && name[:3] == "eu/"
}

// try says whether an attempt is allowed, and does it.
func (m *ruleModel) try(a attempt) bool {
	if !m.signs(a.author, a.key) {
		return false
	}
	root := slices.Contains([]string{"admin", "unadmin", "threshold", "engine", "revoke", "producer"}, a.kind) || a.kind == "keys" && a.person != a.author
	if root && !m.root(a) || !root && len(a.with) > 0 {
		return false
	}
	p := a.person
	switch a.kind {
	case "admin":
		if m.admins[p] || m.gone[p] {
			return false
		}
		m.admins[p] = true
	case "unadmin":
		if p == "alice" || !m.admins[p] || !m.gone[p] && m.live() <= m.threshold {
			return false
		}
		delete(m.admins, p)
	case "threshold":
		if a.n < 1 || a.n > m.live() {
			return false
		}
		m.threshold = a.n
	case "engine":
		if a.n != m.engine+1 {
			return false
		}
		m.engine = a.n
	case "peer":
		if at, there := m.peers[p]; !m.admins[a.author] && !(there && p == a.author) || there && at == a.n || m.gone[p] {
			return false
		}
		m.peers[p] = a.n
	case "unpeer":
		if _, there := m.peers[p]; !there || !m.admins[a.author] {
			return false
		}
		delete(m.peers, p)
	case "register":
		if m.branch != "" || !m.rules(a.author, a.name) {
			return false
		}
		m.branch = a.name
	case "rename", "delete":
		if len(m.branch) < 2 || (a.kind == "rename") == (a.name == m.branch) || !m.rules(a.author, m.branch) || !m.rules(a.author, a.name) {
			return false
		}
		if m.branch = a.name; a.kind == "delete" {
			m.branch = "-" // for ever
		}
	case "delegate":
		if !m.admins[a.author] && !m.delegates[a.author] || m.delegates[p] || m.gone[p] {
			return false
		}
		m.delegates[p] = true
	case "reader":
		if !m.admins[a.author] && !m.delegates[a.author] || m.readers[p] || m.gone[p] {
			return false
		}
		m.readers[p] = true
	case "keys":
		if !m.mayHave(a, a.n) {
			return false
		}
		m.key[p] = a.n
	case "revoke":
		if a.n < 0 {
			if p == "alice" || m.gone[p] || m.admins[p] && m.live() <= m.threshold {
				return false
			}
			m.gone[p] = true
			break
		}
		present := m.key[p]
		if a.next > 0 {
			if !m.mayHave(a, a.next) {
				return false
			}
			present = a.next
		}
		if present == a.n || present == 0 || m.dead[p][a.n] {
			return false
		}
		m.key[p] = present
		if m.dead[p] == nil {
			m.dead[p] = map[int]bool{}
		}
		m.dead[p][a.n] = true
	case "producer":
		if m.producer == p || m.gone[p] {
			return false
		}
		m.producer = p
	}
	return true
}

// mayHave says whether a person may get a key. Keys only grow here: a smaller one
// was had.
func (m *ruleModel) mayHave(a attempt, key int) bool {
	p := a.person
	return !m.gone[p] && (p != "alice" || a.author == p || m.threshold >= 2) && key > m.key[p] && !m.dead[p][key]
}

func personKey(person string, n int) string {
	if n == 0 {
		return person
	}
	return fmt.Sprint(person, " ", n)
}

var theBranch = must(branchID(stateOf(must(genesisOf("alice").Encode())).Ledger(), account("dave"), hash("one")))

func drawAttempt(rng *rand.Rand, m *ruleModel) attempt {
	crowd := []string{"alice", "bob", "carol", "mallory"}
	pick := func() string { return crowd[rng.IntN(len(crowd))] }
	keyOf := func(p string) int { // mostly the present one
		if rng.IntN(8) == 0 {
			return rng.IntN(4)
		}
		return m.key[p]
	}
	a := attempt{author: pick(), person: pick(), name: []string{"eu/x", "eu/y", "us/x"}[rng.IntN(3)], with: map[string]int{}}
	if rng.IntN(2) == 0 {
		a.author = "alice"
	}
	a.key = keyOf(a.author)
	kinds := []string{"admin", "unadmin", "threshold", "engine", "peer", "unpeer", "register", "rename", "delete", "delegate", "reader", "keys", "keys", "revoke", "producer"}
	a.kind = kinds[rng.IntN(len(kinds))]
	switch a.kind {
	case "admin":
		a.change = Grant{Role: Admin, Pattern: "*", Account: account(a.person)}
	case "unadmin":
		a.change = Revoke{Role: Admin, Pattern: "*", Account: account(a.person)}
	case "threshold":
		a.n = rng.IntN(4)
		a.change = SetThreshold{Threshold: uint64(a.n)}
	case "engine":
		a.n = m.engine + rng.IntN(3)
		a.change = SetEngine{Engine: uint64(a.n)}
	case "peer":
		a.n = 1 + rng.IntN(2)
		a.change = SetPeer{Name: a.person, Descriptor: descriptor(a.person).Bytes(), Addresses: []string{fmt.Sprint("https://a.example:", a.n)}}
	case "unpeer":
		a.change = SetPeer{Name: a.person, Off: true}
	case "register":
		a.change = RegisterBranch{Name: a.name, Creator: account("dave"), Salt: hash("one"), Producer: account("alice")}
	case "rename":
		a.change = UpdateBranch{ID: theBranch, Name: a.name}
	case "delete":
		a.change = DeleteBranch{ID: theBranch, Name: a.name}
	case "delegate":
		a.change = Grant{Role: Admin, Pattern: "eu/*", Account: account(a.person)}
	case "reader":
		a.change = Grant{Role: Reader, Pattern: "eu/x", Account: account(a.person)}
	case "keys":
		a.n = max(0, m.key[a.person]+rng.IntN(3)-1)
		a.change = SetKeys{Account: account(a.person), Descriptor: descriptor(personKey(a.person, a.n)).Bytes()}
	case "revoke":
		a.n = rng.IntN(5) - 1
		c := RevokeKey{Account: account(a.person)}
		if a.n >= 0 {
			c.Key = public(personKey(a.person, a.n))
			if rng.IntN(2) == 0 {
				a.next = max(1, m.key[a.person]+rng.IntN(3)-1)
				c.Keys = descriptor(personKey(a.person, a.next)).Bytes()
			}
		}
		a.change = c
	case "producer":
		a.change = SetProducer{Account: account(a.person)}
	}
	if rng.IntN(3) > 0 {
		for range rng.IntN(3) {
			p := pick()
			a.with[p] = keyOf(p)
		}
	}
	return a
}

// signed makes the attempt's operation without asking whether it is allowed.
func (a attempt) signed(s State, salt int) SignedOperation {
	data := must(s.operation(a.change, account(a.author), s.Block().Time+1, hash(fmt.Sprint("model ", salt))))
	o := SignedOperation{Data: data}
	o.Seal = must(makeSeal(descriptor(personKey(a.author, a.key)), "directory", s.Ledger(), o.ID(), signers(personKey(a.author, a.key))))
	for who, key := range a.with {
		name := personKey(who, key)
		o.Consents = append(o.Consents, Consent{Account: account(who), Seal: must(makeSeal(descriptor(name), "consent", s.Ledger(), o.ID(), signers(name)))})
	}
	slices.SortFunc(o.Consents, func(a, b Consent) int { return bytes.Compare([]byte(a.Account), []byte(b.Account)) })
	return o
}

func TestTheRulesAreWhatTheModelSays(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	yes, no, allowed := 0, 0, map[string]int{}
	for range 12 {
		m := &ruleModel{key: map[string]int{}, admins: map[string]bool{"alice": true}, delegates: map[string]bool{}, readers: map[string]bool{},
			gone: map[string]bool{}, dead: map[string]map[int]bool{}, producer: "alice", threshold: 1, engine: 1, peers: map[string]int{}}
		genesis := must(genesisOf("alice").Encode())
		s := stateOf(genesis)
		chain := []SealedBlock{must(seal(s.Block().Header, seals{}, descriptor("alice"), signers("alice")))}
		for i := range 60 {
			a := drawAttempt(rng, m)
			director, dk := m.producer, m.key[m.producer]
			if m.gone[director] {
				break // nobody can make blocks but by a takeover, which other tests show
			}
			want := m.try(a)
			name := personKey(director, dk)
			sealed, next, err := s.Make(s.Block().Time+2, []SignedOperation{a.signed(s, i)}, nil, ledgertest.Key(name))
			if (err == nil) != want {
				t.Fatalf("seed %d: %s by %s (key %d) about %s, n %d, with %v: the model says %v, the directory %v\n%+v", seed, a.kind, a.author, a.key, a.person, a.n, a.with, want, err, m)
			}
			if err == nil {
				yes++
				allowed[a.kind]++
				s, chain = next, append(chain, sealed)
			} else {
				no++
			}
		}
		// Another node that gets the blocks later comes to the same state.
		db := newStore(t)
		b := db.NewBatch()
		other, err := Adopt(b, s.Ledger(), genesis, chain)
		if err != nil || other.Root() != s.Root() || other.Block().ID != s.Block().ID {
			t.Fatalf("seed %d: another node: %v", seed, err)
		}
		if err := b.Commit(); err != nil {
			t.Fatal(err)
		}
		_ = b.Close()
	}
	if yes < 40 || no < 100 {
		t.Errorf("%d yes and %d no: too one-sided: %v", yes, no, allowed)
	}
}

func stateOf(genesis []byte) State {
	g, ledger, err := DecodeGenesis(genesis)
	if err != nil {
		panic(err)
	}
	s, _, err := begin(g, ledger, nothing{})
	if err != nil {
		panic(err)
	}
	return s
}
