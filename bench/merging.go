package main

import (
	"context"
	"crypto"
	"database/sql"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// editSource is a table of which single rows are edited: n of them, a step apart.
const editSource = `
DIALECT 1;
CREATE TABLE item (id INTEGER PRIMARY KEY, price INTEGER NOT NULL, note TEXT NOT NULL DEFAULT '');
CREATE ACTION fill(:from INTEGER, :n INTEGER) OWNER AS
BEGIN
  INSERT INTO item(id, price)
  WITH RECURSIVE c(i) AS (SELECT :from UNION ALL SELECT i + 1 FROM c WHERE i < :from + :n - 1) SELECT i, i % 1000 FROM c;
END;
CREATE ACTION edit(:from INTEGER, :step INTEGER, :n INTEGER, :price INTEGER) PUBLIC AS
BEGIN
  UPDATE item SET price = :price WHERE id IN
    (WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < :n - 1) SELECT :from + i * :step FROM c);
END;
`

const mergeRows = 1_000_000

// ledger is a repository with a table of many rows, and the command in it.
type ledger struct {
	*repo.Repository
	shell shell
	key   crypto.Signer
	ctx   context.Context
	rows  int
	price int64
}

func newLedger(b *bench, bin string, rows int) (*ledger, error) {
	s, err := newShell(b, bin)
	if err != nil {
		return nil, err
	}
	if err := steps(s, "init ."); err != nil {
		return nil, err
	}
	key, err := repo.LoadKey(filepath.Join(s.dir, "keys", "default"), nil)
	if err != nil {
		return nil, err
	}
	l := &ledger{shell: s, key: key, ctx: context.Background(), rows: rows, price: 5000}
	if l.Repository, err = repo.Open(s.dir, repo.Options{}); err != nil {
		return nil, err
	}
	const chunk = 10_000
	_, err = l.Deploy(l.ctx, key, "", "shop", editSource)
	for at := 0; at < rows && err == nil; at += chunk {
		err = l.call("", "fill", map[string]any{"from": int64(at), "n": int64(min(chunk, rows-at))})
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *ledger) call(branch, action string, args map[string]any) error {
	_, err := l.Call(l.ctx, l.key, repo.Call{Branch: branch, Contract: "shop", Action: action, Args: args, GasLimit: sqlcontract.MaxGas})
	return err
}

// edit gives n rows, spread over the table from a row on, a price they never had.
func (l *ledger) edit(branch string, from, n int) error {
	l.price++
	return l.call(branch, "edit", map[string]any{"from": int64(from), "step": int64(l.rows / n), "n": int64(n), "price": l.price})
}

// timed runs fn and keeps how long it took.
func timed(all *[]time.Duration, fn func() error) error {
	began := time.Now()
	err := fn()
	*all = append(*all, time.Since(began))
	return err
}

// merging measures merges, diffs and branches of a table of a million rows, in
// this process and as commands, against plain SQLite doing the same edits.
func merging(b *bench) error {
	bin, err := build(b)
	if err != nil {
		return err
	}
	l, err := newLedger(b, bin, mergeRows)
	if err != nil {
		return err
	}
	err = l.merges(b)
	if err = errors.Join(err, l.Close()); err != nil {
		return err
	}
	if err := l.commands(); err != nil {
		return err
	}
	return replays(b, bin)
}

// merges measures on a repository that stays open.
func (l *ledger) merges(b *bench) error {
	const runs = 5
	var branches, first, merges, cpu, after, diffs, previews []time.Duration
	for i := range runs {
		name := fmt.Sprint("b", i)
		if err := timed(&branches, func() error { _, err := l.CreateBranch(name, "", l.key, false); return err }); err != nil {
			return err
		}
		if err := timed(&first, func() error { return l.edit(name, 2*i, 1000) }); err != nil {
			return err
		}
		if err := l.edit("", 2*i+1, 1000); err != nil {
			return err
		}
		before := processTime()
		if err := timed(&merges, func() error {
			m, err := l.Merge(l.ctx, l.key, name, repo.MergeOptions{Consistent: true})
			if err == nil && (m.Rows != 2000 || m.Block.IsZero()) {
				err = fmt.Errorf("a merge of %d rows, %d conflicts", m.Rows, len(m.Conflicts))
			}
			return err
		}); err != nil {
			return err
		}
		cpu = append(cpu, processTime()-before)
		if err := timed(&after, func() error { return l.edit("", 100+i, 1) }); err != nil {
			return err
		}
	}
	if _, err := l.CreateBranch("side", "", l.key, false); err != nil {
		return err
	}
	if err := errors.Join(l.edit("side", 1, 100), l.edit("", 1, 100)); err != nil {
		return err
	}
	for range runs {
		if err := timed(&previews, func() error {
			m, err := l.Merge(l.ctx, l.key, "side", repo.MergeOptions{Consistent: true, DryRun: true})
			if err == nil && len(m.Conflicts) != 100 {
				err = fmt.Errorf("a preview of %d conflicts", len(m.Conflicts))
			}
			return err
		}); err != nil {
			return err
		}
		if err := timed(&diffs, func() error {
			n := 0
			err := l.Diff(l.ctx, "main~1", "main", func(repo.RowDiff) error { n++; return nil })
			if err == nil && n != 100 {
				err = fmt.Errorf("a diff of %d rows", n)
			}
			return err
		}); err != nil {
			return err
		}
	}
	plain, err := sqliteEdits(b, runs)
	if err != nil {
		return err
	}
	ms := func(all []time.Duration) time.Duration { return median(all).Round(10 * time.Microsecond) }
	figure("new branch, 1M rows", ms(branches), "")
	figure("first call on a new branch, 1000 of 1M rows", ms(first), "its files begin as copies")
	figure("consistent merge of 1000 + 1000 of 1M rows", ms(merges), fmt.Sprintf("%v of CPU; plain SQLite, the 1000 edits, synced: %v", ms(cpu), plain.Round(10*time.Microsecond)))
	figure("first call after the merge", ms(after), "")
	figure("diff of 100 of 1M rows", ms(diffs), "")
	figure("preview of 100 conflicts, 1M rows", ms(previews), "")
	figure("peak memory of this process so far", peak(), "")
	return nil
}

// sqliteEdits gives the time of 1000 single-row edits in one synced transaction
// of plain SQLite: what a merge of 1000 rows must write at least.
func sqliteEdits(b *bench, runs int) (time.Duration, error) {
	dir, err := b.fresh()
	if err != nil {
		return 0, err
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "plain.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`CREATE TABLE item (id INTEGER PRIMARY KEY, price INTEGER NOT NULL, note TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
		WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < ` + fmt.Sprint(mergeRows-1) + `) INSERT INTO item SELECT i, i % 1000, '' FROM c`); err != nil {
		return 0, err
	}
	price := 5000
	return repeat(runs, func() error {
		price++
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		st, err := tx.Prepare("UPDATE item SET price = ? WHERE id = ?")
		if err != nil {
			return err
		}
		for i := range 1000 {
			if _, err := st.Exec(price, i*(mergeRows/1000)+price%1000); err != nil {
				return err
			}
		}
		return tx.Commit()
	})
}

// commands measures whole commands on the same ledger.
func (l *ledger) commands() error {
	s := l.shell
	const runs = 5
	preview, err := repeat(runs, func() error {
		cmd := exec.Command(s.bin, "merge", "side", "--consistent", "--dry-run")
		cmd.Dir, cmd.Env = s.dir, s.env
		out, err := cmd.Output() // it exits with 1, because of the conflicts
		if !strings.Contains(string(out), "100 conflicts") {
			return fmt.Errorf("a preview without its conflicts: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var branches, merges, after, switches []time.Duration
	for i := range runs {
		name, from := fmt.Sprint("c", i), 200+2*i
		edit := func(from int, branch string) error {
			l.price++
			return steps(s, fmt.Sprintf("call shop.edit from=%d step=1000 n=1000 price=%d --gas %d --branch %s", from, l.price, sqlcontract.MaxGas, branch))
		}
		err := timed(&branches, func() error { return steps(s, "branch "+name) })
		if err = errors.Join(err, edit(from, name), edit(from+1, "main")); err != nil {
			return err
		}
		if err := timed(&merges, func() error { return steps(s, "merge "+name+" --consistent") }); err != nil {
			return err
		}
		if err := timed(&after, func() error { return edit(from+100, "main") }); err != nil {
			return err
		}
		if err := timed(&switches, func() error { return steps(s, "switch "+name) }); err != nil {
			return err
		}
		if err := steps(s, "switch main"); err != nil {
			return err
		}
	}
	diff, err := repeat(runs, func() error { return steps(s, "diff main~1 main") })
	if err != nil {
		return err
	}
	ms := func(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
	figure("as a process: new branch", ms(median(branches)), "")
	figure("as a process: consistent merge of 1000 + 1000", ms(median(merges)), "")
	figure("as a process: call after the merge, 1000 rows", ms(median(after)), "")
	figure("as a process: switch", ms(median(switches)), "")
	figure("as a process: preview of 100 conflicts", ms(preview), "")
	figure("as a process: diff of 1000 rows", ms(diff), "")
	return nil
}

// replays measures automatic merges of many transactions, against plain
// execution of the same.
func replays(b *bench, bin string) error {
	const rows, n = 10_000, 10_000
	l, err := newLedger(b, bin, rows)
	if err != nil {
		return err
	}
	defer l.Close()
	if _, err := l.CreateBranch("eu", "", l.key, false); err != nil {
		return err
	}
	if err := l.call("", "fill", map[string]any{"from": int64(rows), "n": int64(1)}); err != nil { // so that there is something to merge into
		return err
	}
	var failed error
	w, err := l.NewWriter(l.key, "eu", 1000, func(_ int, _ repo.Result, err error) { failed = errors.Join(failed, err) })
	if err != nil {
		return err
	}
	var plain, merge, full, cells []time.Duration
	cpu := processTime()
	if err := timed(&plain, func() error {
		for i := range n {
			c := repo.Call{Contract: "shop", Action: "edit", Args: map[string]any{"from": int64(i), "step": int64(1), "n": int64(1), "price": int64(7000)}}
			if err := w.Add(l.ctx, i, c); err != nil {
				return err
			}
		}
		return errors.Join(w.Close(l.ctx), failed)
	}); err != nil {
		return err
	}
	plainCPU := processTime() - cpu
	if _, err := l.CreateBranch("cells", "main", l.key, false); err != nil {
		return err
	}
	cpu = processTime()
	if err := timed(&merge, func() error {
		m, err := l.Merge(l.ctx, l.key, "eu", repo.MergeOptions{})
		if err == nil && m.Included != n {
			err = fmt.Errorf("%d included, %d excluded", m.Included, m.Excluded)
		}
		return err
	}); err != nil {
		return err
	}
	mergeCPU := processTime() - cpu
	if err := timed(&cells, func() error {
		m, err := l.Merge(l.ctx, l.key, "eu", repo.MergeOptions{Into: "cells", Consistent: true})
		if err == nil && m.Block.IsZero() {
			err = fmt.Errorf("%d conflicts", len(m.Conflicts))
		}
		return err
	}); err != nil {
		return err
	}
	if err := timed(&full, func() error { _, err := l.Verify(l.ctx, repo.VerifyOptions{Full: true}); return err }); err != nil {
		return err
	}
	each := func(d time.Duration) string { return fmt.Sprintf("%.0f us of CPU each", float64(d.Microseconds())/n) }
	figure("plain execution of 10,000 signed calls, blocks of 1000", perSecond(n, plain[0]), each(plainCPU))
	figure("automatic merge of them", perSecond(n, merge[0]), each(mergeCPU)+fmt.Sprintf("; merge / plain = %.2f", plain[0].Seconds()/merge[0].Seconds()))
	figure("consistent merge of them", perSecond(n, cells[0]), "")
	figure("verify --full of calls and merges", full[0].Round(10*time.Millisecond), "")
	return nil
}
