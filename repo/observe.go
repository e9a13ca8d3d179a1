package repo

import "github.com/aergo-git/aergo-git/sqlcontract"

// Observe has every transaction watched that runs from now on, of calls,
// batches, submissions, deploys and merges, and READONLY calls: for coverage of
// tests, and to explain a refusal. nil ends it. The observer runs under the lock
// of the repository, whose methods it must not call.
func (r *Repository) Observe(o sqlcontract.Observer) { r.observer.Store(&o) }

// observed is the observer, or nil.
func (r *Repository) observed() sqlcontract.Observer {
	if o := r.observer.Load(); o != nil {
		return *o
	}
	return nil
}
