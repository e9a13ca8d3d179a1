// Package merge brings the transactions of one line of history to another. It
// computes a result and never moves a head.
//
// # Automatic merge
//
// An automatic merge replays. [Candidates] reads from the history which
// transactions the source has and the target has not; [Automatic] runs them in
// that order in a session on the target's head, under the target's code, rules
// and permissions, and gives each a verdict:
//
//	included             it changed the same rows, from and to the same values,
//	                     as when it last ran on the source's line
//	included, different  it ran well and changed other rows or values
//	excluded             it did not run well here; Reason says why
//
// The state after the merge is the state after running the included
// transactions one after the other on the target's head, byte for byte.
//
// # Merge by cell
//
// A consistent merge compares rows. [Consistent] replays what the source did to
// system contracts, then computes for every row that either side changed what
// it becomes: base, ours and theirs go in, and the rule of each column that both
// changed. [Plan.Write] puts the rows into the session as those of one patch,
// where all that the contracts declare is checked on them.
//
//	threeway.go   walks the rows of base, ours and theirs together
//	base.go       joins several merge bases; what they disagree about is unknown
//	rows.go       merges one row, cells.go one cell
//	marks.go      reads from the history which cells are special: twice, denied
//	choice.go     what people decided about conflicts
//
// # Invariants
//
//   - The result depends on the two heads, the options, the choices and the
//     directory block, on nothing else: a verifier who repeats it gets the same merge block.
//   - A transaction counts once: what the target has seen is no candidate.
//   - A transaction that a merge excluded is not offered to that branch again.
//
// A reason is the number in the code of the error that excluded it: 411 is
// AG0411, a broken CHECK.
package merge
