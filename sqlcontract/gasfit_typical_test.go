package sqlcontract

import "testing"

// gasTypical is what a unit of gas takes, in microseconds, in blocks of transfers
// among rows of accounts: checking signatures, running, making the state and
// storing it.
func gasTypical(t *testing.T, rows int64) float64 {
	w := newWorld(t, t.TempDir())
	fill(w, rows)
	list := transfers(w, 4000, rows)
	var gas uint64
	var run, all float64
	began := cpu(t)
	for range 500 {
		w.tx("bob", "money.transfer", args{"a": int64(1), "b": int64(2), "n": int64(1)})
	}
	checked := (cpu(t) - began) / 500 / 2 // made and checked
	for len(list) > 0 {
		w.now += 1000
		w.number++
		began := cpu(t)
		s := w.begin(w.tree)
		for _, tx := range list[:500] {
			r, err := s.Run(tx)
			if err != nil {
				t.Fatal(err)
			}
			gas += r.Gas
		}
		run += cpu(t) - began
		w.commit(s)
		all += cpu(t) - began
		list = list[500:]
	}
	all += checked * 4000
	t.Logf("%8.2f us/gas  transfers among %d accounts, signatures checked, sealed and stored; %.2f to run: %d gas each", all/float64(gas), rows, run/float64(gas), gas/4000)
	return all / float64(gas)
}
