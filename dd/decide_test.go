package dd

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// rules is the independent model of Decide: lists, and patterns by trying every
// name of a small universe.
type rules struct {
	owner, director string
	public          bool
	grants          []grantOf
	registered      map[string]string // branch name -> producer; its creator is "alice"
}

type grantOf struct{ role, pattern, person string }

// Each pattern below matches at least two of these names, and each prefix has
// one that no pattern names exactly.
var (
	universe = []string{"main", "eu", "eu/a", "eu/b", "eu/zzz", "eu/a/x", "eu/a/y", "eu/a/zzz", "us", "us/a", "us/zzz", "eux", "eux/a", "zzz"}
	patterns = []string{"*", "eu/*", "eu/a/*", "us/*", "eux/*", "main", "eu", "eu/a", "eu/b", "eu/a/x", "us", "us/a", "eux"}
	people   = []string{"alice", "bob", "carol", "dave", "mallory"}
)

func matches(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return pattern == name
}

// covers reports whether pattern matches all that target matches.
func covers(pattern, target string) bool {
	for _, name := range universe {
		if matches(target, name) && !matches(pattern, name) {
			return false
		}
	}
	return true
}

func (r rules) has(person, target string, roles ...string) bool {
	if person == r.owner {
		return true
	}
	for _, g := range r.grants {
		if g.person == person && slices.Contains(roles, g.role) && (target == "" || covers(g.pattern, target)) {
			return true
		}
	}
	return false
}

// allows says what the design says. unregistered is set when a branch is meant
// by its id, which the directory does not know.
func (r rules) allows(person string, right Right, target string, unregistered bool, creator string) bool {
	producer, registered := r.registered[target]
	if unregistered && registered && (right != RightRead || creator != person) {
		return false // the name is another branch's
	}
	switch right {
	case RightRead:
		return r.public || unregistered && creator == person || r.has(person, target, "reader", "writer", "producer", "admin")
	case RightWrite:
		return r.has(person, target, "writer", "producer")
	case RightProduce:
		if registered {
			return producer == person && r.has(person, target, "producer")
		}
		return unregistered && creator == person && r.has(person, target, "writer", "producer")
	case RightMerge, RightTag:
		return r.has(person, target, "producer", "admin")
	case RightAdmin:
		return r.has(person, target, "admin")
	case RightRegister:
		return r.has(person, target, "admin") || creator == person && r.has(person, target, "producer")
	case RightDirect:
		return person == r.director
	}
	return false
}

func randomRules(rng *rand.Rand) rules {
	pick := func(list []string) string { return list[rng.IntN(len(list))] }
	r := rules{owner: "alice", director: pick(people), public: rng.IntN(8) == 0, registered: map[string]string{}}
	for range rng.IntN(12) {
		g := grantOf{pick([]string{"reader", "writer", "producer", "admin"}), pick(patterns), pick(people[1:])}
		if !slices.Contains(r.grants, g) {
			r.grants = append(r.grants, g)
		}
	}
	r.registered["main"] = "alice"
	for range rng.IntN(5) {
		r.registered[pick(universe[1:])] = pick(people)
	}
	return r
}

// state builds the state of the rules.
func (r rules) state(t *testing.T) State {
	g := genesisOf("alice")
	g.Producer = account(r.director)
	_, ledger, err := DecodeGenesis(must(g.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := begin(g, ledger, nothing{})
	if err != nil {
		t.Fatal(err)
	}
	l := s.ledger
	l.Public = r.public
	list := []record{{keyLedger(), l}}
	for _, g := range r.grants {
		s = must(s.put(must(s.grantRecords(RoleRecord{Role: Role(g.role), Pattern: g.pattern, Account: account(g.person)}))))
	}
	for name, producer := range r.registered {
		if name != mainBranch {
			id := registeredID(s, name)
			list = append(list, record{keyBranch(id), Branch{ID: id, Name: name, Creator: account("alice"), Producer: account(producer)}}, record{keyName(name), id})
		}
	}
	return must(s.put(list))
}

func registeredID(s State, name string) objectstore.Hash {
	if name == mainBranch {
		b, _, _ := s.BranchNamed(name)
		return b.ID
	}
	return must(branchID(s.Ledger(), account("alice"), hash("registered "+name)))
}

func TestDecideIsWhatTheModelSays(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	var yes, no int
	for range 150 {
		r := randomRules(rng)
		s := r.state(t)
		for range 80 {
			person, creator := people[rng.IntN(len(people))], people[rng.IntN(len(people))]
			right := Right(1 + rng.IntN(int(RightDirect)))
			q := Question{Account: account(person), Right: right}
			target, unregistered := "", false
			switch rng.IntN(5) {
			case 0: // the whole ledger
				if right != RightRead && right != RightDirect {
					continue
				}
			case 1: // a registered branch by its id; what is said beside it does not count
				names := slices.Sorted(maps.Keys(r.registered)) // the same for a seed
				target = names[rng.IntN(len(names))]
				q.Branch, q.Name = registeredID(s, target), "zzz"
				q.Creator = account(creator)
			case 2: // a branch that the directory does not know
				target, unregistered = universe[rng.IntN(len(universe))], true
				q.Name, q.Creator, q.Salt = target, account(creator), hash("local")
				q.Branch = must(branchID(s.Ledger(), q.Creator, q.Salt))
				if right == RightRegister {
					continue
				}
			case 3: // a name
				target = universe[rng.IntN(len(universe))]
				q.Name, q.Creator = target, account(creator)
			case 4: // a pattern
				if right != RightAdmin {
					continue
				}
				target = patterns[rng.IntN(len(patterns))]
				q.Name = target
			}
			if right == RightDirect {
				target, unregistered = "", false
			}
			want := r.allows(person, right, target, unregistered, creator)
			err := Decide(s, q)
			if err != nil && (fault.Of(err) == nil || !strings.HasPrefix(fault.Of(err).ID, "AG05")) &&
				!(right == RightProduce && q.Branch.IsZero() && fault.Is(err, "AG0102")) {
				t.Fatalf("seed %d: %+v gave %v, which is no denial", seed, q, err)
			}
			if (err == nil) != want {
				t.Fatalf("seed %d\nrules %+v\nmay %s %s %q (creator %s, unregistered %v)? the model says %v, Decide %v",
					seed, r, person, right, target, creator, unregistered, want, err)
			}
			if want {
				yes++
			} else {
				no++
			}
		}
	}
	if yes < 500 || no < 500 {
		t.Errorf("%d yes and %d no: the test asks too one-sidedly", yes, no)
	}
}

func TestDenialsSayWhoMayAndWhatToDo(t *testing.T) {
	w := newWorld(t)
	w.ok(w.do("alice", AddIdentity{Name: "bob", Descriptor: descriptor("bob").Bytes()}))
	w.ok(w.do("alice", Grant{Role: Writer, Pattern: "eu/*", Account: account("bob")}))
	s := w.head()
	main, _, err := s.BranchNamed("main")
	w.ok(err)
	for _, c := range []struct {
		q          Question
		code       string
		says, next string
	}{
		{Question{Account: account("bob"), Right: RightWrite, Branch: main.ID}, "AG0501",
			"bob may not write to main: that needs the role writer or producer there; owner may",
			"ask an admin for: aergo grant writer --to bob --branch 'main'"},
		{Question{Account: account("bob"), Right: RightProduce, Branch: main.ID}, "AG0502",
			"bob may not make blocks of main: its producer is owner", "Sign with its producer's key (--key), or work on a branch of your own: aergo switch -c NAME"},
		{Question{Account: account("bob"), Right: RightDirect}, "AG0503",
			"bob may not make directory blocks: only owner does", "send the operation to owner"},
		{Question{Account: account("mallory"), Right: RightWrite, Name: "eu/x"}, "AG0501",
			fmt.Sprintf("%s may not write to eu/x: that needs the role writer or producer there; bob, owner may", account("mallory")), ""},
		{Question{Account: account("mallory"), Right: RightRead, Branch: main.ID}, "AG0501",
			"you may not read this, or it does not exist", ""},
		{Question{Account: account("mallory"), Right: RightRead, Branch: hash("no such branch")}, "AG0501",
			"you may not read this, or it does not exist", ""},
		{Question{Account: account("mallory"), Right: RightRead, Branch: hash("no such branch"), Name: "main", Creator: account("mallory")}, "AG0501",
			"you may not read this, or it does not exist", ""},
		{Question{Right: RightRead}, "AG0501", "you may not read this, or it does not exist", ""},
	} {
		err := Decide(s, c.q)
		if !fault.Is(err, c.code) || err.Error() != c.says || c.next != "" && fault.Of(err).Next != c.next {
			t.Errorf("%+v: %v", c.q, err)
		}
	}
	// A claim about an unknown branch is checked by its id.
	lie := Question{Account: account("bob"), Right: RightProduce, Branch: hash("x"), Name: "eu/x", Creator: account("bob"), Salt: hash("s")}
	w.refused("AG0601", Decide(s, lie))
	lie.Branch = must(branchID(s.Ledger(), account("bob"), hash("s")))
	w.ok(Decide(s, lie))
	lie.Name = "main"
	w.refused("AG0504", Decide(s, lie))
}
