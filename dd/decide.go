package dd

import (
	"fmt"
	"slices"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Right is what somebody wants to do.
type Right uint8

// The rights.
const (
	RightRead     Right = iota + 1 // read a branch; without one, learn anything of the ledger
	RightWrite                     // have transactions run on a branch
	RightProduce                   // make a branch's blocks and head statements
	RightMerge                     // settle conflicts of a merge into a branch
	RightAdmin                     // grant, revoke and change what falls under a name or pattern
	RightRegister                  // register a branch under a name
	RightTag                       // tag a block of a branch
	RightDirect                    // make directory blocks
	RightSign                      // sign by these keys
	RightApprove                   // approve what is merged into a branch
	RightRoot                      // decide who rules the ledger
	RightPeer                      // change where a peer is reached
)

// String is the right as a verb.
func (r Right) String() string {
	switch r {
	case RightRead:
		return "read"
	case RightWrite:
		return "write to"
	case RightProduce:
		return "make blocks of"
	case RightMerge:
		return "settle conflicts on"
	case RightAdmin:
		return "administer"
	case RightRegister:
		return "register"
	case RightTag:
		return "tag blocks of"
	case RightDirect:
		return "make directory blocks of"
	case RightSign:
		return "sign for"
	case RightApprove:
		return "approve merges into"
	case RightRoot:
		return "rule"
	case RightPeer:
		return "move"
	}
	return fmt.Sprintf("do %d to", uint8(r))
}

// Question is one question of permission.
type Question struct {
	Account objectstore.Account // empty: nobody in particular
	Right   Right
	// Branch is the id of the branch that is meant; zero where a name is meant
	// that may not exist yet, a pattern, or the whole ledger.
	Branch objectstore.Hash
	// Name is the local name of a branch that the directory does not know, or a
	// name or pattern when Branch is zero. For a registered branch it is not
	// looked at: the directory's name counts.
	Name string
	// Creator and Salt are those of a branch that the directory does not know;
	// they must make its id.
	Creator objectstore.Account
	Salt    objectstore.Hash
	// Keys is, for RightSign, the canonical descriptor by which something is
	// signed; empty for the account's first, which its address is the hash of.
	Keys []byte
	// With are, for RightRoot, the other accounts that have signed.
	With []objectstore.Account
}

// Decide answers every question of permission in the ledger, on every path. nil
// means yes. A denial is a fault with code AG0501 (a role is missing), AG0502
// (not the branch's producer), AG0503 (not the directory's producer), AG0504
// (the name belongs to another branch), AG0505 (too few admins), AG0506 (not
// the account's present keys) or AG0532 (the branch was deleted), and says who
// could.
//
// The rules:
//   - The owner has every right, except that a registered branch has exactly one
//     producer and the directory too.
//   - producer includes writer, writer includes reader; admin includes reader.
//     A role counts on every name that its pattern covers; Admin on a pattern
//     needs a role whose pattern covers all of it.
//   - In a public ledger everybody reads.
//   - A denial to read says nothing of what there is, and to a stranger it takes
//     as long whatever he asks about. The others explain themselves: ask
//     RightRead first for whoever is not to learn what there is.
//   - A registered branch: its producer is the one that the directory names, as
//     long as he has the role producer there.
//   - A branch that is not registered: its only producer is its creator, who
//     needs the role writer on its name, which no registered branch may have.
//   - A branch that was deleted: nothing but reading, as its last name says.
//   - Register: admins of the name, and its creator with the role producer.
//   - Merge and Tag: producers and admins.
//   - Root: admins of everything, each once, exactly as many as the threshold
//     says, or all while they are fewer. Root matters are the role admin on *,
//     other accounts' keys, revocations, the directory's producer, the engine and
//     the threshold itself.
//   - Sign: the present keys of the account, or keys that it had and that ask for
//     no less. What a block holds, and the block, is signed by the keys present at
//     the directory block that it names.
//   - Approve: writers, producers and admins.
//   - Peer: the account of the peer that Name names, and admins of everything.
//
// Decide is pure: it reads s and q, nothing else. An error that is no fault
// means that the state could not be read.
func Decide(s State, q Question) error {
	if q.Right == RightDirect {
		if q.Account != s.Producer() {
			return fault.New("AG0503", "send the operation to "+s.who(s.Producer()),
				"%s may not make directory blocks: only %s does", s.who(q.Account), s.who(s.Producer()))
		}
		return nil
	}
	if q.Right == RightSign {
		return s.signsBy(q.Account, q.Keys)
	}
	if q.Right == RightRoot {
		return s.mayRoot(q)
	}
	if q.Right == RightRead {
		return s.mayRead(q)
	}
	if q.Right == RightPeer {
		return s.mayMove(q)
	}
	t, err := s.find(q)
	if err != nil {
		return err
	}
	switch q.Right {
	case RightWrite:
		return s.need(q, t, Writer, Producer)
	case RightProduce:
		return s.mayProduce(q, t)
	case RightMerge, RightTag:
		return s.need(q, t, Producer, Admin)
	case RightApprove:
		return s.need(q, t, Writer, Producer, Admin)
	case RightAdmin:
		return s.need(q, t, Admin)
	case RightRegister:
		if q.Creator == q.Account {
			return s.need(q, t, Producer, Admin)
		}
		return s.need(q, t, Admin)
	}
	return fmt.Errorf("right %d is not known", q.Right)
}

// target is what a question is about.
type target struct {
	name   string  // of a branch, or a pattern; empty: the whole ledger
	branch *Branch // nil: not registered
}

func (s State) find(q Question) (target, error) {
	if !q.Branch.IsZero() {
		b, ok, err := s.Branch(q.Branch)
		if err != nil {
			return target{}, err
		}
		if ok {
			return target{b.Name, &b}, nil
		}
		if d, gone, err := s.Deleted(q.Branch); err != nil {
			return target{}, err
		} else if gone && q.Right == RightRead {
			return target{d.Name, nil}, nil
		} else if gone {
			return target{}, s.notDeleted(q.Branch)
		}
		id, err := branchID(s.Ledger(), q.Creator, q.Salt)
		if err != nil {
			return target{}, fault.New("AG0202", "", "branch %s is not registered, and who created it was not said: %w", q.Branch.Short(), err)
		}
		if id != q.Branch {
			return target{}, fault.New("AG0601", "say who made it", "branch %s was not made by %s: its id says so", q.Branch.Short(), s.who(q.Creator))
		}
		if err := checkName(q.Name); err != nil {
			return target{}, err
		}
		other, ok, err := s.BranchNamed(q.Name)
		if err != nil {
			return target{}, err
		}
		if ok {
			return target{}, fault.New("AG0504", "give it another name with: aergo branch -m",
				"the name %s belongs to branch %s, not to this one, %s", q.Name, other.ID.Short(), q.Branch.Short())
		}
		return target{q.Name, nil}, nil
	}
	if q.Name == "" {
		return target{}, fault.New("AG0102", "", "to %s what? a branch or pattern is missing", q.Right)
	}
	if err := CheckPattern(q.Name); err != nil {
		return target{}, err
	}
	b, ok, err := s.BranchNamed(q.Name)
	if err != nil || !ok {
		return target{name: q.Name}, err
	}
	return target{q.Name, &b}, nil
}

// need asks for one of the roles; the first is the one to ask for.
func (s State) need(q Question, t target, roles ...Role) error {
	ok, err := s.holds(q.Account, t.name, roles...)
	if err != nil || ok {
		return err
	}
	who := s.who(q.Account)
	return fault.New("AG0501",
		fmt.Sprintf("ask an admin for: aergo grant %s --to %s --branch '%s'", roles[0], who, t.name),
		"%s may not %s %s: that needs the role %s there; %s may", who, q.Right, t.name, either(roles), s.holders(t.name, roles...))
}

func either(roles []Role) string {
	text := string(roles[0])
	for i, r := range roles[1:] {
		if i < len(roles)-2 {
			text += ", " + string(r)
		} else {
			text += " or " + string(r)
		}
	}
	return text
}

func (s State) mayProduce(q Question, t target) error {
	if t.branch == nil {
		if q.Branch.IsZero() {
			return fault.New("AG0102", "", "a branch that is not registered is named by its id")
		}
		if q.Account != q.Creator {
			return fault.New("AG0502", "register it first", "%s may not make blocks of %s: it is not registered, so only %s, who created it, does",
				s.who(q.Account), t.name, s.who(q.Creator))
		}
		return s.need(q, t, Writer, Producer)
	}
	if q.Account != t.branch.Producer {
		next := "Sign with its producer's key (--key), or work on a branch of your own: aergo switch -c NAME"
		if p := t.branch.Protection; p != nil && slices.Contains(p.Standbys, q.Account) {
			next = "You are its stand-by: aergo branch takeover " + t.name
		}
		return fault.New("AG0502", next, "%s may not make blocks of %s: its producer is %s",
			s.who(q.Account), t.name, s.who(t.branch.Producer))
	}
	return s.need(q, t, Producer)
}
