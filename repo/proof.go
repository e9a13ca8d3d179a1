package repo

import (
	"bytes"
	"context"
	"crypto"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// proofFile is what a proof file holds, as canonical CBOR. Each part is checked
// by the one before it, and the first by the ledger id:
//
//	ledger id = hash of the genesis, which names the owner
//	the directory's chain, verified block by block from the genesis
//	a head statement, signed by the one who may produce the branch there
//	headers, each naming the next as a parent, from the published head down
//	under the last header: a row of its state, or a transaction and its receipt
//
// See docs/formats/proof.md.
type proofFile struct {
	Version   uint64           `cbor:"1,keyasint"` // 1
	Genesis   []byte           `cbor:"2,keyasint"`
	Directory []dd.SealedBlock `cbor:"3,keyasint"`
	Branch    []byte           `cbor:"4,keyasint"` // descriptor, KindBranch
	Name      string           `cbor:"5,keyasint"` // local name of an unregistered branch
	Statement []byte           `cbor:"6,keyasint"`
	Seal      []byte           `cbor:"7,keyasint"` // of the statement
	Headers   [][]byte         `cbor:"8,keyasint"`

	// A row: proofs of state entries by key. The first is the row; the others
	// are the contract in force, so that its columns are known.
	Rows []stateProof `cbor:"9,keyasint,omitempty"`
	// A transaction: leaves of the two lists at one position.
	Transaction *listProof `cbor:"10,keyasint,omitempty"`
}

type stateProof struct {
	_     struct{} `cbor:",toarray"`
	Key   []byte
	Proof []byte
}

type listProof struct {
	_         struct{} `cbor:",toarray"`
	Position  uint64
	Leaf      []byte // the transaction's hashed part
	Seal      []byte // its signatures
	Blind     []byte // with its arguments, so that they can be read; empty when erased
	Arguments []byte
	Path      []objectstore.Hash
	Receipt   []byte
	Answer    []objectstore.Hash // the receipt's path
}

// ProveRow proves that a row stands in a table at a revision, or that there is
// none. Making a proof publishes the head of the revision's branch: it signs a
// head statement, which needs the key of the branch's producer.
func (r *Repository) ProveRow(ctx context.Context, key crypto.Signer, rev, contract, table string, pk []any) ([]byte, error) {
	p, b, err := r.prove(ctx, key, rev)
	if err != nil {
		return nil, err
	}
	state := prolly.Load(r.nodes, b.State)
	prove := func(k []byte) ([]byte, bool, error) {
		proof, err := state.Prove(k)
		if err != nil {
			return nil, false, err
		}
		data, err := proof.Encode()
		if err != nil {
			return nil, false, err
		}
		p.Rows = append(p.Rows, stateProof{Key: k, Proof: data})
		return state.Get(k)
	}
	row, err := wire.AppendKey(nil, append([]any{contract, table}, pk...)...)
	if err != nil {
		return nil, fmt.Errorf("the key of a row of %s.%s: %w", contract, table, err)
	}
	if _, _, err := prove(row); err != nil {
		return nil, err
	}
	c, err := r.engine.ContractIn(prove, contract)
	if err != nil {
		return nil, err
	}
	t := c.Table(table)
	if t == nil {
		return nil, noTable(c, table)
	}
	if len(t.Key) != len(pk) {
		key := make([]string, len(t.Key))
		for i, k := range t.Key {
			key[i] = t.Columns[k].Name
		}
		return nil, fault.New("AG0203", "Give a value for each, in this order: "+strings.Join(key, ", "), "the key of %s.%s has %d columns, not %d", contract, table, len(t.Key), len(pk))
	}
	return wire.Marshal(p)
}

// noTable says that a contract has no such table, and which it has.
func noTable(c *sqlcontract.Contract, table string) error {
	next := "It has no tables."
	if len(c.Tables) > 0 {
		names := make([]string, len(c.Tables))
		for i, t := range c.Tables {
			names[i] = t.Name
		}
		next = "Its tables: " + strings.Join(names, ", ")
	}
	return fault.New("AG0203", next, "contract %s has no table %s", c.Name, table)
}

// ProveTransaction proves that a transaction stands in the history of the
// current branch, and what its receipt says.
func (r *Repository) ProveTransaction(ctx context.Context, key crypto.Signer, id string) ([]byte, error) {
	if err := r.mayShow(key, objectstore.Hash{}); err != nil {
		return nil, err
	}
	info, err := r.Transaction(id)
	if err != nil {
		return nil, err
	}
	if !info.Origin.IsZero() {
		return nil, ofTheOrigin("transaction "+info.ID.Short(), info.Origin)
	}
	p, b, err := r.prove(ctx, key, info.Block.String())
	if err != nil {
		return nil, err
	}
	txs, err := branch.ReadList(r.db, objectstore.KindTransactionList, b.Transactions)
	if err != nil {
		return nil, err
	}
	receipts, err := branch.ReadList(r.db, objectstore.KindReceiptList, b.Receipts)
	if err != nil {
		return nil, err
	}
	tx, err := sqlcontract.FromLeaf(txs[info.Position])
	if err != nil {
		return nil, err
	}
	l := &listProof{Position: uint64(info.Position), Leaf: tx.Data, Seal: tx.Seal, Blind: tx.Blind, Arguments: tx.Arguments, Receipt: receipts[info.Position].Data}
	if l.Path, err = objectstore.ProveLeaf(txs, info.Position); err != nil {
		return nil, err
	}
	if l.Answer, err = objectstore.ProveLeaf(receipts, info.Position); err != nil {
		return nil, err
	}
	p.Transaction = l
	return wire.Marshal(p)
}

// prove makes the part of a proof that every kind has, down to the block of a
// revision.
func (r *Repository) prove(_ context.Context, key crypto.Signer, rev string) (*proofFile, branch.Block, error) {
	fail := func(err error) (*proofFile, branch.Block, error) { return nil, branch.Block{}, err }
	if err := r.mayShow(key, objectstore.Hash{}); err != nil {
		return fail(err)
	}
	at, err := r.Resolve(rev)
	if err == nil {
		err = r.mayShow(key, at)
	}
	if err != nil {
		return fail(err)
	}
	if b, err := r.history.Read(at); err != nil {
		return fail(err)
	} else if b.Ledger != r.ledger && at != r.parts[1].newest {
		return fail(ofTheOrigin("block "+at.Short(), b.Ledger))
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	rec, head, err := r.publishedBy(at)
	if err != nil {
		return fail(err)
	}
	state, err := r.directory.Head()
	if err != nil {
		return fail(err)
	}
	account, _, err := state.Signer(nil, key)
	if err != nil {
		return fail(err)
	}
	if err := r.mayProduce(state, account, rec); err != nil {
		return fail(err)
	}
	if b, err := r.history.Read(head); err != nil {
		return fail(err)
	} else if err := r.mayContinue(state, rec, b); err != nil {
		return fail(err)
	}
	batch := r.db.NewBatch()
	defer batch.Close()
	st, seal, err := r.directory.MakeStatement(batch, rec.ID, head, r.now().UnixMilli(), statementLife.Milliseconds(),
		question(dd.RightProduce, account, rec), nil, key)
	if err != nil {
		return fail(err)
	}
	if err := batch.Commit(); err != nil {
		return fail(err)
	}
	p := &proofFile{Version: 1, Name: string(rec.Name), Seal: seal}
	if p.Statement, err = st.Encode(); err != nil {
		return fail(err)
	}
	if p.Branch, err = (branch.Descriptor{Version: 1, Ledger: r.ledger, Creator: rec.Creator, Salt: rec.Salt}).Encode(); err != nil {
		return fail(err)
	}
	g, err := r.directory.Genesis()
	if err != nil {
		return fail(err)
	}
	if p.Genesis, err = g.Encode(); err != nil {
		return fail(err)
	}
	if p.Directory, err = r.directoryTo(st.Directory); err != nil {
		return fail(err)
	}
	b, err := r.chain(p, head, at)
	return p, b, err
}

// mayShow asks CheckRead for the account of a key.
func (r *Repository) mayShow(key crypto.Signer, block objectstore.Hash) error {
	account, err := r.AccountFor(key)
	if err != nil {
		return err
	}
	return r.CheckRead(account, block)
}

// ofTheOrigin refuses to prove what another ledger's producer has to publish.
func ofTheOrigin(what string, ledger objectstore.Hash) error {
	return fault.New("AG0545", "Ask for the proof there: aergo -C ORIGIN proof …; a row as it is here is proven at the origin's block or later.",
		"%s is the origin's: only the producers of ledger %s can prove it", what, ledger.Short())
}

// directoryTo gives the directory's chain from block 0 to a block.
func (r *Repository) directoryTo(id objectstore.Hash) ([]dd.SealedBlock, error) {
	return chainTo(r.directory, id)
}

// chainTo gives a directory's chain from block 0 to a block.
func chainTo(d *dd.Directory, id objectstore.Hash) ([]dd.SealedBlock, error) {
	var chain []dd.SealedBlock
	for !id.IsZero() {
		sealed, err := d.Sealed(id)
		if err != nil {
			return nil, err
		}
		b, err := dd.DecodeBlock(sealed.Data)
		if err != nil {
			return nil, err
		}
		chain, id = append(chain, sealed), b.Parent
	}
	slices.Reverse(chain)
	return chain, nil
}

// directoryOf verifies a directory's chain and gives the state at its end. passed,
// if not nil, is called with the state after each block, before its signatures are
// verified.
func directoryOf(genesis []byte, chain []dd.SealedBlock, passed func(dd.State)) (dd.State, error) {
	state, err := dd.Begin(genesis, chain[0])
	if err != nil {
		return dd.State{}, err
	}
	if passed != nil {
		passed(state)
	}
	return state.Follow(func(yield func(dd.SealedBlock, error) bool) {
		for _, sealed := range chain[1:] {
			if !yield(sealed, nil) {
				return
			}
		}
	}, func(s dd.State, _ dd.SealedBlock) error {
		if passed != nil {
			passed(s)
		}
		return nil
	})
}

// publishedBy finds a branch whose head reaches a block: a registered one
// before others, since its name and producer are the same for everybody, then
// the current one, then the first by name.
func (r *Repository) publishedBy(block objectstore.Hash) (branch.Record, objectstore.Hash, error) {
	fail := func(err error) (branch.Record, objectstore.Hash, error) {
		return branch.Record{}, objectstore.Hash{}, err
	}
	state, err := r.directory.Head()
	if err != nil {
		return fail(err)
	}
	records, err := branch.Branches(r.db)
	if err != nil {
		return fail(err)
	}
	if cur, err := r.branch(""); err == nil {
		records = append([]branch.Record{cur}, records...)
	}
	var local *branch.Record
	var localHead objectstore.Hash
	var deleted error
	for _, rec := range records {
		head, err := branch.Head(r.db, rec.ID)
		if err != nil {
			return fail(err)
		}
		if ok, err := r.history.IsAncestor(block, head); err != nil {
			return fail(err)
		} else if !ok {
			continue
		}
		_, registered, err := state.Branch(rec.ID)
		if err != nil {
			return fail(err)
		}
		if registered {
			return rec, head, nil
		}
		if _, ok, err := state.Deleted(rec.ID); err != nil {
			return fail(err)
		} else if ok { // of such nothing is published
			deleted = dd.Decide(state, question(dd.RightProduce, rec.Creator, rec))
			continue
		}
		if local == nil {
			local, localHead = &rec, head
		}
	}
	if local != nil {
		return *local, localHead, nil
	}
	if deleted != nil {
		return fail(deleted)
	}
	return fail(fault.New("AG0201", "", "no branch here reaches block %s", block.Short()))
}

// chain adds the headers from head down to the block at, by the shortest way it
// finds along first parents and, where that leads past it, second ones.
func (r *Repository) chain(p *proofFile, head, at objectstore.Hash) (branch.Block, error) {
	for {
		b, err := r.history.Read(head)
		if err != nil {
			return b, err
		}
		data, err := b.Header.Encode()
		if err != nil {
			return b, err
		}
		p.Headers = append(p.Headers, data)
		if head == at {
			return b, nil
		}
		if len(p.Headers) == maxChain {
			return b, fault.New("AG0704", "Make a branch there (aergo branch NAME REV), switch to it, and prove it there.", "block %s lies more than %d blocks below the head", at.Short(), maxChain)
		}
		for _, parent := range b.Parents {
			ok, err := r.history.IsAncestor(at, parent)
			if err != nil {
				return b, err
			}
			if ok {
				head = parent
				break
			}
		}
	}
}

// VerifyProof checks a proof file and says what it proves. ledger is the id that
// the proof must be of; nil takes the one in the file, and then the report is
// worth as much as the way its ledger id came to you.
func VerifyProof(data []byte, ledger *objectstore.Hash) (ProofReport, error) {
	return JudgeProof(data, ProofOptions{Ledger: ledger})
}

func verifyProof(data []byte, ledger *objectstore.Hash) (ProofReport, proven, error) {
	var rep ProofReport
	in := proven{file: &proofFile{}}
	err := in.read(data, ledger, &rep)
	return rep, in, err
}

// read verifies a proof by itself.
func (in *proven) read(data []byte, ledger *objectstore.Hash, rep *ProofReport) error {
	if len(data) > maxProof {
		return fmt.Errorf("it has %d bytes, %d are allowed", len(data), maxProof)
	}
	p := in.file
	if err := wire.Unmarshal(data, p); err != nil {
		return err
	}
	if p.Version != 1 || len(p.Headers) == 0 || len(p.Headers) > maxChain || len(p.Directory) == 0 {
		return fmt.Errorf("it is of a version that is not known, or not whole")
	}
	g, id, err := dd.DecodeGenesis(p.Genesis)
	if err != nil {
		return err
	}
	if ledger != nil && *ledger != id {
		return fmt.Errorf("it is of ledger %s, not of %s", id, *ledger)
	}
	states := map[objectstore.Hash]dd.State{}
	in.state, err = directoryOf(p.Genesis, p.Directory, func(s dd.State) { states[s.Block().ID] = s })
	if err != nil {
		return err
	}
	b, err := in.published(rep)
	if err != nil {
		return err
	}
	rep.Ledger, rep.Block, rep.Number, rep.Time = id, b.ID, uint64(b.Number), time.UnixMilli(b.Time).UTC()
	if g.Origin != nil {
		rep.Origin, rep.FromOrigin = g.Origin.Ledger, b.ID == g.Origin.Block
	}
	if b.Ledger != id && !rep.FromOrigin {
		return fmt.Errorf("its block is of ledger %s", b.Ledger.Short())
	}
	if err := checkEngineIn(states, b.Header); err != nil {
		return fmt.Errorf("its block: %w", err)
	}
	switch {
	case p.Transaction != nil && len(p.Rows) == 0 && b.Ledger == id:
		at, ok := states[b.Directory]
		if !ok {
			return fmt.Errorf("its block names directory block %s, which is not part of the directory", b.Directory.Short())
		}
		return p.Transaction.verify(in.state, at, b, rep)
	case p.Transaction == nil && len(p.Rows) > 0:
		return p.verifyRow(b, rep)
	}
	return fmt.Errorf("it proves neither a row nor a transaction")
}

// published checks the head statement and the headers below it.
func (in *proven) published(rep *ProofReport) (branch.Block, error) {
	p, state := in.file, in.state
	fail := func(err error) (branch.Block, error) { return branch.Block{}, err }
	st, err := dd.DecodeStatement(p.Statement)
	if err != nil {
		return fail(err)
	}
	d, err := branch.DecodeDescriptor(p.Branch)
	if err != nil {
		return fail(err)
	}
	local := dd.Question{Name: p.Name, Creator: d.Creator, Salt: d.Salt}
	if err := dd.VerifyStatement(state, st, p.Seal, local); err != nil {
		return fail(err)
	}
	in.statement = st
	rep.Branch, rep.BranchID, rep.Published, rep.Statement, rep.Producer = p.Name, st.Branch, st.Block, st.Sequence, st.Producer
	rep.Expires = time.UnixMilli(st.Expiry).UTC()
	if known, ok, err := state.Branch(st.Branch); err != nil {
		return fail(err)
	} else if ok {
		rep.Branch = string(known.Name)
	}
	var b branch.Block
	want := []objectstore.Hash{st.Block}
	for i, data := range p.Headers {
		if b, err = branch.DecodeBlock(data); err != nil {
			return fail(err)
		}
		found := false
		for _, id := range want {
			found = found || id == b.ID
		}
		if !found {
			return fail(fmt.Errorf("header %d, block %s, is not named by what stands above it", i, b.ID.Short()))
		}
		want = b.Parents
		in.headers = append(in.headers, b)
	}
	return b, nil
}

// verifyRow checks the row and the contract that says what its columns are.
func (p *proofFile) verifyRow(b branch.Block, rep *ProofReport) error {
	used := 0
	get := func(key []byte) ([]byte, bool, error) {
		for i, s := range p.Rows {
			if !bytes.Equal(s.Key, key) {
				continue
			}
			used = max(used, i+1)
			proof, err := prolly.DecodeProof(s.Proof)
			if err != nil {
				return nil, false, err
			}
			return proof.Verify(b.State, key)
		}
		return nil, false, fmt.Errorf("it does not prove all that is needed to read the row")
	}
	key := p.Rows[0].Key
	value, present, err := get(key)
	if err != nil {
		return err
	}
	tuple, err := wire.DecodeKey(key)
	if err != nil || len(tuple) < 3 {
		return fmt.Errorf("its key is no row's key: %w", err)
	}
	rep.Contract, _ = tuple[0].(string)
	rep.Table, _ = tuple[1].(string)
	rep.Key, rep.Kind = tuple[2:], "absent"
	c, err := sqlcontract.NewEngine(nil).ContractIn(get, rep.Contract)
	if err != nil {
		return err
	}
	if used != len(p.Rows) {
		return fmt.Errorf("it holds more than is needed to read the row")
	}
	t := c.Table(rep.Table)
	if t == nil || len(t.Key) != len(rep.Key) {
		return fmt.Errorf("contract %s has no table %s with such a key", rep.Contract, rep.Table)
	}
	for _, i := range append(append([]int{}, t.Key...), t.Values...) {
		rep.Columns = append(rep.Columns, t.Columns[i].Name)
	}
	if present {
		rep.Kind = "row"
		rep.Row, err = cells(t, rep.Key, value)
	}
	return err
}

// verify checks a transaction and its receipt under a block's header. at is the
// directory that the block names: what ran is signed by the keys of then.
func (l *listProof) verify(state, at dd.State, b branch.Block, rep *ProofReport) error {
	if err := objectstore.VerifyLeaf(b.Transactions.Root, l.Leaf, l.Position, b.Transactions.Count, l.Path); err != nil {
		return fmt.Errorf("the transaction: %w", err)
	}
	if err := objectstore.VerifyLeaf(b.Receipts.Root, l.Receipt, l.Position, b.Receipts.Count, l.Answer); err != nil {
		return fmt.Errorf("the receipt: %w", err)
	}
	receipt, err := sqlcontract.DecodeReceipt(l.Receipt)
	if err != nil {
		return err
	}
	tx, err := sqlcontract.NewVerifier(b.Ledger).Had(state.Had).Verify(sqlcontract.Transaction{Data: l.Leaf, Seal: l.Seal, Blind: l.Blind, Arguments: l.Arguments})
	if err != nil {
		return err
	}
	if receipt.Transaction != tx.ID() {
		return fmt.Errorf("the receipt answers another transaction")
	}
	if receipt.Status != sqlcontract.StatusExcluded {
		if err := maySign(at, tx.Header().Account, tx.Keys()); err != nil {
			return err
		}
	}
	rep.Kind, rep.Transaction, rep.Receipt = "transaction", tx.ID(), &receipt
	rep.Account = tx.Header().Account
	rep.Call = body{header: tx.Header(), args: tx.Arguments()}.text(nil)
	return nil
}
