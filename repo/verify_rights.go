package repo

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// may asks for a right on a branch as it was at a directory block. The name of a
// branch that is not registered is local: it may be another one by now, or gone,
// and a block does not say it. Then one that the account may use will do.
func may(state dd.State, right dd.Right, account objectstore.Account, rec branch.Record) error {
	denied := dd.Decide(state, question(right, account, rec))
	if denied == nil || !isDenial(denied) {
		return denied
	}
	if _, registered, err := state.Branch(rec.ID); err != nil || registered {
		return denied
	}
	roles, err := state.Roles()
	if err != nil {
		return err
	}
	for _, role := range roles {
		if role.Account != account {
			continue
		}
		rec.Name = branch.Name(strings.Replace(role.Pattern, "*", rec.ID.String(), 1))
		if dd.Decide(state, question(right, account, rec)) == nil {
			return nil
		}
	}
	return denied
}

func isDenial(err error) bool {
	f := fault.Of(err)
	return f != nil && strings.HasPrefix(f.ID, "AG05")
}

// runs asks, besides, whether a transaction is signed by the keys that its
// account had at that directory block. What a merge takes is asked that way, too:
// the answer is in the block, in verdicts and conflicts, so it must be the one
// that a verifier comes to, who has no local names.
func runs(state dd.State, account objectstore.Account, keys []byte, rec branch.Record) error {
	if err := may(state, dd.RightWrite, account, rec); err != nil {
		return err
	}
	return maySign(state, account, keys)
}

// admitted checks, without executing, that each transaction which ran could be
// in its block: its time, its branch and its account's right. That none runs
// twice is for Rebuild to check.
func (v *verification) admitted(b branch.Block, state dd.State, txs []body, verified []sqlcontract.VerifiedTransaction, receipts []sqlcontract.Receipt) error {
	rec, err := v.r.branchByID(b.Branch)
	if err != nil {
		return err
	}
	asked := map[string]bool{} // an account and the keys by which it signed
	for i, t := range txs {
		if receipts[i].Status == sqlcontract.StatusExcluded {
			if b.MergeRecord.IsZero() {
				return fmt.Errorf("transaction %s is excluded, and it is no merge or cherry-pick", t.id.Short())
			}
			continue
		}
		h := t.header
		if b.Time > h.Expiry || h.Expiry-b.Time > sqlcontract.MaxLife.Milliseconds() {
			return fmt.Errorf("transaction %s may not stand in it: it had expired, or was not valid yet", t.id.Short())
		}
		if bound := string(h.Branch); bound != sqlcontract.AnyBranch && bound != string(b.Branch[:]) && b.MergeRecord.IsZero() {
			return fmt.Errorf("transaction %s may not stand in it: it is bound to another branch", t.id.Short())
		}
		keys := verified[i].Keys()
		who := string(h.Account) + string(keys)
		if asked[who] {
			continue
		}
		asked[who] = true
		if err := runs(state, h.Account, keys, rec); err != nil {
			return fmt.Errorf("transaction %s may not stand in it: %w", t.id.Short(), err)
		}
	}
	return nil
}

// published checks what stands beside the blocks: the descriptor of every branch
// and the newest head statement of each that has one.
func (v *verification) published() error {
	r := v.r
	records, err := branch.Branches(r.db)
	if err != nil {
		return failed("the branches", err)
	}
	for _, rec := range records {
		if err := v.descriptor(rec.ID); err != nil {
			return failed("branch "+string(rec.Name), err)
		}
	}
	ids, err := r.directory.Statements()
	if err != nil {
		return failed("the head statements", err)
	}
	for _, id := range ids {
		if err := v.statement(id); err != nil {
			return failed("the head statement of branch "+id.Short(), err)
		}
	}
	return nil
}

// descriptor reads what a branch id is the hash of.
func (v *verification) descriptor(id branch.ID) error {
	kind, data, err := v.r.db.Get(id)
	if err != nil {
		return err
	}
	if kind != objectstore.KindBranch {
		return fmt.Errorf("its descriptor %s is a %s", id.Short(), kind)
	}
	d, err := branch.DecodeDescriptor(data)
	if err == nil && d.Ledger != v.r.ledger {
		err = fmt.Errorf("it belongs to ledger %s", d.Ledger.Short())
	}
	return err
}

// statement checks the newest head statement of a branch: its form, producer and
// signature, and that it names a directory block of the chain.
func (v *verification) statement(id branch.ID) error {
	r := v.r
	st, seal, err := r.directory.LatestStatement(id)
	if err != nil {
		return err
	}
	known, err := v.directory.Includes(st.Directory)
	if err != nil {
		return err
	}
	if !known || st.Branch != id {
		return fmt.Errorf("it is of branch %s and names directory block %s", st.Branch.Short(), st.Directory.Short())
	}
	state, err := r.directory.At(st.Directory)
	if err != nil {
		return err
	}
	rec, err := r.branchByID(id)
	if err != nil {
		return err
	}
	err = dd.VerifyStatement(state, st, seal, dd.Question{Name: string(rec.Name), Creator: rec.Creator, Salt: rec.Salt})
	if inner := errors.Unwrap(err); inner != nil && isDenial(inner) {
		if _, registered, e := state.Branch(id); e == nil && !registered {
			return nil // the right may hang on a local name that the branch has no longer
		}
	}
	if err == nil {
		v.report.Signatures++
		return v.directory.CheckRevoked(st.Producer, seal, id, v.within(st.Block))
	}
	if name, e := st.ID(); e == nil {
		err = fmt.Errorf("statement %s: %w", name.Short(), err)
	}
	return err
}

// lines checks every head (CheckHead), with all of its line: each block was made
// there or came by a fast-forward that the directory allowed.
func (v *verification) lines() error {
	records, err := branch.Branches(v.r.db)
	if err != nil {
		return failed("the branches", err)
	}
	for _, rec := range records {
		head, err := branch.Head(v.r.db, rec.ID)
		if err == nil {
			err = v.mayStand(rec, objectstore.Hash{}, head)
		}
		if err != nil {
			return failed("branch "+string(rec.Name), err)
		}
	}
	return nil
}

// forwarded checks that a block of another branch may stand on a branch: at some
// time since it was made its producer and all its signers had the rights there.
func (v *verification) forwarded(part *part, b branch.Block, rec branch.Record) error {
	txs, _, err := v.r.bodies(b)
	if err != nil {
		return err
	}
	allowed := func(state dd.State) error {
		if p, err := state.Protection(rec.ID); err != nil {
			return err
		} else if p != nil {
			return fault.New("AG0552", "", "%s is protected: what comes to it is merged", rec.Name)
		}
		if err := may(state, dd.RightProduce, b.Producer, rec); err != nil {
			return err
		}
		for _, t := range txs {
			if err := may(state, dd.RightWrite, t.header.Account, rec); err != nil {
				return err
			}
		}
		return nil
	}
	denied := allowed(v.states[b.Directory])
	for at := v.verified[part.ledger].Block(); denied != nil && isDenial(denied) && at.ID != b.Directory; {
		state, err := part.directory.At(at.ID)
		if err != nil {
			return err
		}
		if allowed(state) == nil {
			return nil
		}
		if at, err = part.directory.Block(at.Parent); err != nil {
			return err
		}
	}
	return denied
}
