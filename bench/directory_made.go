package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

const (
	manyBranches   = 10_000
	manyIdentities = 1_000
	manyGrants     = 5_000
	manyRevoked    = 20
	manyTags       = 100
)

// manyName is the name of a branch: 100 regions of 100 branches.
func manyName(i int) string { return fmt.Sprintf("r%d/b%d", i%100, i/100) }

func memberKey(i int) ed25519.PrivateKey {
	seed := sha256.Sum256(fmt.Append(nil, "member ", i))
	return ed25519.NewKeyFromSeed(seed[:])
}

func memberOf(i int) objectstore.Account { return repo.AccountOf(memberKey(i)) }

// grantAt is one of the grants. Each member has the role writer on four regions;
// member 0 is also reader of 1,000 branches, one by one.
func grantAt(i int) dd.Grant {
	if i < 4000 {
		return dd.Grant{Role: dd.Writer, Pattern: fmt.Sprintf("r%d/*", (i%1000+25*(i/1000))%100), Account: memberOf(i % 1000)}
	}
	return dd.Grant{Role: dd.Reader, Pattern: manyName(i), Account: memberOf(0)}
}

// manyDirectory fills the directory of an empty ledger, by its owner, in blocks of
// 120 operations, and makes the registered branches here too. It works on the
// store, since the library makes a block for each change, and syncs it.
func manyDirectory(dir string, key ed25519.PrivateKey) (err error) {
	db, err := objectstore.Open(filepath.Join(dir, ".aergo", "db"), objectstore.Options{NodeHash: prolly.NodeHash})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	d, err := dd.Open(db, db)
	if err != nil {
		return err
	}
	s, err := d.Head()
	if err != nil {
		return err
	}
	main, _, err := s.BranchNamed("main")
	if err != nil {
		return err
	}
	start, err := branch.Head(db, main.ID)
	if err != nil {
		return err
	}
	owner, now := repo.AccountOf(key), time.Now().UnixMilli()
	commit := func(fill func(objectstore.Batch) error) error {
		batch := db.NewBatch()
		defer batch.Close()
		if err := fill(batch); err != nil {
			return err
		}
		return batch.Commit()
	}
	var ops []dd.SignedOperation
	salts := 0
	flush := func() error {
		if len(ops) == 0 {
			return nil
		}
		err := commit(func(batch objectstore.Batch) (err error) {
			s, err = d.Append(batch, now, ops, nil, key)
			return err
		})
		ops = nil
		if err == nil {
			s, err = d.Head() // of stored nodes, which need not stay in memory
		}
		return err
	}
	add := func(c dd.Change, by ed25519.PrivateKey) error {
		salts++
		op, err := dd.Propose(s, c, now, sha256.Sum256(fmt.Append(nil, "salt ", salts)), nil, by)
		if ops = append(ops, op); err == nil && len(ops) == 120 {
			err = flush()
		}
		return err
	}
	for i := range manyIdentities {
		k, err := sign.KeyDescriptor(memberKey(i).Public().(ed25519.PublicKey))
		if err != nil {
			return err
		}
		if err := add(dd.AddIdentity{Name: fmt.Sprintf("member-%d", i), Descriptor: k.Bytes()}, key); err != nil {
			return err
		}
	}
	var records []branch.Record
	for i := range manyBranches {
		salt := sha256.Sum256(fmt.Append(nil, "branch ", i))
		if err := add(dd.RegisterBranch{Name: manyName(i), Creator: owner, Salt: salt, Producer: owner, First: start}, key); err != nil {
			return err
		}
		records = append(records, branch.Record{Name: branch.Name(manyName(i)), Creator: owner, Salt: salt, From: start, Created: now})
	}
	for i := range manyGrants {
		if err := add(grantAt(i), key); err != nil {
			return err
		}
	}
	if err := flush(); err != nil {
		return err
	}
	for i := range manyTags {
		if err := add(dd.AddTag{Name: fmt.Sprintf("v%d", i), Block: start, Branch: main.ID}, key); err != nil {
			return err
		}
	}
	for i := range manyRevoked {
		if err := add(dd.RevokeKey{Account: memberOf(manyIdentities - 1 - i), Reason: "has left"}, key); err != nil {
			return err
		}
	}
	if err := flush(); err != nil {
		return err
	}
	return commit(func(batch objectstore.Batch) error {
		for _, rec := range records {
			data, err := branch.Descriptor{Version: 1, Ledger: d.Ledger(), Creator: rec.Creator, Salt: rec.Salt}.Encode()
			if err != nil {
				return err
			}
			if rec.ID, err = batch.Put(objectstore.KindBranch, data); err != nil {
				return err
			}
			if err := branch.Create(batch, db, rec); err != nil {
				return err
			}
			if err := batch.SetRef("stood/"+rec.ID.String(), nil, start[:]); err != nil {
				return err
			}
		}
		return nil
	})
}
