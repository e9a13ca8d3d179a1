package sqlcontract

import (
	"runtime"
	"testing"
)

// TestGasTypical prints what a unit of gas takes in the blocks of everyday:
// running them, making the state and storing it.
func TestGasTypical(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, rows := range []int64{1000, 100_000} {
		w := newWorld(t, t.TempDir())
		fill(w, rows)
		list := transfers(w, 4000, rows)
		var gas uint64
		var run, all float64
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
		t.Logf("transfers among %d: %d gas each, %.2f us/gas to run, %.2f with seal and store", rows, gas/4000, run/float64(gas), all/float64(gas))
	}
}
