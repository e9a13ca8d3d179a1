package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/aergo-git/aergo-git/repo"
)

// berka loads the real bank data as signed calls and verifies all of it, against
// sqlite3 importing the same file.
func berka(b *bench) error {
	path := filepath.Join(os.Getenv("AERGO_TESTDATA"), "berka", "trans_test.csv")
	calls, err := readBerka(path)
	if err != nil {
		fmt.Println("LEFT OUT: set AERGO_TESTDATA to the folder that holds berka/trans_test.csv:", err)
		return nil
	}
	source, err := os.ReadFile("examples/bank/bank.sql")
	if err != nil {
		return errors.Join(err, errors.New("run this from the project's folder"))
	}
	ctx := context.Background()
	var loads, states, fulls []time.Duration
	var disk int64
	for range 3 {
		dir, err := b.fresh()
		if err != nil {
			return err
		}
		load, state, full, err := oneBerka(ctx, dir, string(source), calls)
		if err != nil {
			return err
		}
		loads, states, fulls = append(loads, load), append(states, state), append(fulls, full)
		disk = size(filepath.Join(dir, ".aergo", "db"))
	}
	csvLoad, sqliteErr := repeat(3, func() error {
		return exec.Command("sqlite3", filepath.Join(b.dir, fmt.Sprint(time.Now().UnixNano())), "-cmd", ".separator ;", ".import "+path+" trans").Run()
	})
	figure("Berka: load of 30,554 signed calls, synced per block", median(loads).Round(10*time.Millisecond), beside("sqlite3 .import of the file, one transaction, no calls", csvLoad, sqliteErr))
	figure("Berka: verify (change sets and nodes)", median(states).Round(10*time.Millisecond), "")
	figure("Berka: verify --full (every transaction again)", median(fulls).Round(10*time.Millisecond), "")
	figure("Berka: Pebble on disk", fmt.Sprintf("%.1f MB", float64(disk)/1e6), fmt.Sprintf("%d bytes a call", disk/int64(len(calls))))
	figure("peak memory of this process so far", peak(), "")
	return nil
}

func oneBerka(ctx context.Context, dir, source string, calls []repo.Call) (load, state, full time.Duration, err error) {
	key, err := repo.NewKey(nil)
	if err != nil {
		return 0, 0, 0, err
	}
	r, err := repo.Init(dir, key, repo.Options{})
	if err != nil {
		return 0, 0, 0, err
	}
	defer r.Close()
	if _, err := r.Deploy(ctx, key, "", "bank", source); err != nil {
		return 0, 0, 0, err
	}
	began := time.Now()
	var failed error
	w, err := r.NewWriter(key, "", 0, func(line int, _ repo.Result, err error) {
		if err != nil && failed == nil {
			failed = fmt.Errorf("line %d: %w", line, err)
		}
	})
	if err != nil {
		return 0, 0, 0, err
	}
	for i, c := range calls {
		if err := w.Add(ctx, i+1, c); err != nil {
			return 0, 0, 0, err
		}
	}
	if err := errors.Join(w.Close(ctx), failed); err != nil {
		return 0, 0, 0, err
	}
	load = time.Since(began)
	began = time.Now()
	if _, err := r.Verify(ctx, repo.VerifyOptions{}); err != nil {
		return 0, 0, 0, err
	}
	state = time.Since(began)
	began = time.Now()
	_, err = r.Verify(ctx, repo.VerifyOptions{Full: true})
	return load, state, time.Since(began), err
}

func readBerka(path string) ([]repo.Call, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := csv.NewReader(f)
	in.Comma, in.LazyQuotes = ';', true
	if _, err := in.Read(); err != nil {
		return nil, err
	}
	var opens, posts []repo.Call
	seen := map[int64]bool{}
	for {
		row, err := in.Read()
		if err == io.EOF {
			return append(opens, posts...), nil
		}
		if err != nil {
			return nil, err
		}
		account, err := strconv.ParseInt(row[1], 10, 64)
		if err != nil {
			return nil, err
		}
		amount, err := strconv.ParseInt(strings.Replace(row[5], ".", "", 1), 10, 64)
		if err != nil {
			return nil, err
		}
		if row[3] != "credit" {
			amount = -amount
		}
		day, err := time.Parse("060102", row[2])
		if err != nil {
			return nil, err
		}
		if !seen[account] {
			seen[account] = true
			opens = append(opens, repo.Call{Contract: "bank", Action: "open", Args: map[string]any{"id": account, "floor": int64(-100_000_000)}})
		}
		posts = append(posts, repo.Call{Contract: "bank", Action: "post", Args: map[string]any{
			"id": row[0], "account": account, "day": day.Format(time.DateOnly), "amount": amount, "text": row[4]}})
	}
}

// peak is the most memory that this process has had, as the kernel counts it.
func peak() string {
	if runtime.GOOS == "linux" {
		data, err := os.ReadFile("/proc/self/status")
		if err == nil {
			for line := range strings.Lines(string(data)) {
				if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
					return strings.TrimSpace(rest)
				}
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return fmt.Sprintf("%d MB (Go only)", m.Sys>>20)
}
