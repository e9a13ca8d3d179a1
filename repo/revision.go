package repo

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Resolve gives the block that a revision means:
//
//	main, v1, 51d7a0e    a branch, a tag, the beginning of a block id
//	HEAD                 the current branch's head; an empty revision means it too
//	#1234                block number 1234 of the current branch; main#1234
//	@2026-11-01T12:00    the state at that time (UTC unless it has a zone); main@2026-11-01
//	x~3 x^ x^2           third ancestor, first parent, second parent of x
//
// A name wins over the beginning of an id.
func (r *Repository) Resolve(rev string) (objectstore.Hash, error) {
	base, steps := rev, ""
	if i := strings.IndexAny(rev, "~^"); i >= 0 {
		base, steps = rev[:i], rev[i:]
	}
	id, err := r.resolveBase(base)
	for err == nil && steps != "" {
		id, steps, err = r.step(rev, id, steps)
	}
	return id, err
}

func (r *Repository) resolveBase(base string) (objectstore.Hash, error) {
	if name, number, ok := strings.Cut(base, "#"); ok {
		n, err := strconv.ParseUint(number, 10, 53)
		if err != nil {
			return objectstore.Hash{}, badRevision(base, "after # stands a block number")
		}
		head, err := r.resolveName(name)
		if err != nil {
			return objectstore.Hash{}, err
		}
		return r.history.AtNumber(head, branch.Number(n))
	}
	if name, when, ok := strings.Cut(base, "@"); ok {
		if n, err := strconv.ParseUint(when, 10, 53); err == nil && len(when) < 4 {
			return objectstore.Hash{}, badRevision(base, fmt.Sprintf("after @ stands a time; for a block number write #%d", n))
		}
		t, err := parseTime(when)
		if err != nil {
			return objectstore.Hash{}, badRevision(base, "after @ stands a time like 2026-11-01T12:00")
		}
		head, err := r.resolveName(name)
		if err != nil {
			return objectstore.Hash{}, err
		}
		return r.history.AtTime(head, t.UnixMilli())
	}
	return r.resolveName(base)
}

// step applies one ~n, ^ or ^n.
func (r *Repository) step(rev string, id objectstore.Hash, steps string) (objectstore.Hash, string, error) {
	op := steps[0]
	digits := len(steps[1:]) - len(strings.TrimLeft(steps[1:], "0123456789"))
	n, rest := 1, steps[1+digits:]
	if digits > 0 {
		var err error
		if n, err = strconv.Atoi(steps[1 : 1+digits]); err != nil {
			return id, "", badRevision(rev, "the number is too large")
		}
	}
	if rest != "" && rest[0] != '~' && rest[0] != '^' {
		return id, "", badRevision(rev, "after ~ or ^ stands a number, ~ or ^")
	}
	b, err := r.history.Read(id)
	if err != nil {
		return id, "", err
	}
	if op == '^' {
		if n == 0 {
			return id, rest, nil
		}
		if n > len(b.Parents) {
			return id, "", fault.New("AG0201", "aergo log --graph", "%s: block %s has %d parents", rev, id.Short(), len(b.Parents))
		}
		return b.Parents[n-1], rest, nil
	}
	if uint64(n) > uint64(b.Number) {
		return id, "", fault.New("AG0201", "aergo log", "%s: block %s is number %d, there are not %d before it", rev, id.Short(), b.Number, n)
	}
	id, err = r.history.AtNumber(id, b.Number-branch.Number(n))
	return id, rest, err
}

func (r *Repository) resolveName(name string) (objectstore.Hash, error) {
	if name == "" || name == "HEAD" {
		name = string(r.current())
	}
	if n, err := branch.ParseName(name); err == nil {
		rec, err := branch.Lookup(r.db, n)
		if err == nil {
			return branch.Head(r.db, rec.ID)
		}
		if !fault.Is(err, "AG0202") {
			return objectstore.Hash{}, err
		}
	}
	if t, err := r.tag(name); err == nil {
		return t.Block, nil
	}
	return r.idPrefix(name, objectstore.KindBlock)
}

// idPrefix finds the one object of a kind whose id begins so.
func (r *Repository) idPrefix(prefix string, want objectstore.Kind) (objectstore.Hash, error) {
	none := func() (objectstore.Hash, error) {
		return objectstore.Hash{}, fault.New("AG0201", "aergo branch, aergo tag, aergo log show what there is.", "there is no branch, tag or block %q", prefix)
	}
	if len(prefix) < 4 || strings.Trim(prefix, "0123456789abcdef") != "" || len(prefix) > 2*objectstore.HashSize {
		return none()
	}
	ids, err := r.db.Prefix(prefix, 64)
	if err != nil {
		return objectstore.Hash{}, err
	}
	var found []objectstore.Hash
	for _, id := range ids {
		kind, _, err := r.db.Get(id)
		if err != nil {
			return objectstore.Hash{}, err
		}
		if kind == want {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 0:
		return none()
	case 1:
		return found[0], nil
	}
	return objectstore.Hash{}, fault.New("AG0201", "Write more digits.", "%d blocks begin with %s", len(found), prefix)
}

func badRevision(rev, why string) error {
	return fault.New("AG0104", "Forms: main, a tag, 51d7a0e, main~3, x^2, #1234, @2026-11-01T12:00.", "%q is no revision: %s", rev, why)
}

// parseTime reads a date, a time to the minute, second or millisecond, in UTC
// unless a zone follows.
func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, time.UTC); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("no time")
}

// hexPrefix gives the whole bytes at the beginning of a hex id.
func hexPrefix(prefix string) ([]byte, error) {
	if len(prefix) < 4 || len(prefix) > 2*objectstore.HashSize {
		return nil, errors.New("too short or too long")
	}
	return hex.DecodeString(prefix[:len(prefix)&^1])
}
