// Package sqlcontract is AERGOSQL: it compiles contracts and executes
// transactions on them. (state, transactions) go in; row changes, receipts and
// the next state come out.
//
// # Use
//
//	engine := sqlcontract.NewEngine(store)                 // one per repository
//	tree, err := sqlcontract.OpenTree(sqlcontract.Options{Engine: engine, Dir: ".aergo/work/main", Root: state, …})
//	s, err := tree.Begin(sqlcontract.Block{Branch: id, Number: 7, Time: ms, May: mayWrite})
//	receipt, err := s.Run(tx)                              // tx comes from Verify
//	sealed, err := s.Seal()                                // the roots for the block's header
//	err = sealed.WriteTo(batch)                            // with header and refs: one synced batch
//	err = batch.Commit()
//	err = s.Commit()                                       // then the SQLite side follows
//
// The state is one ordered Merkle map (package prolly); its root crosses this
// package's border as an objectstore.Hash. A [Tree] is the working copy of one
// state: a SQLite database per contract, which may be deleted at any time and
// is brought from state to state by the rows that differ. [Session] makes one
// block on it. [Engine.Rebuild] computes the same roots from a block's change
// list without running anything: the second way of verification.
//
// # Rows in the state map
//
//	key    wire key tuple (contract, table, primary key…), at most 1 KiB
//	value  wire row of the columns that are neither key nor generated, in source
//	       order, without trailing cells that equal their column's DEFAULT
//
// The row ('tea', 400, 10) of shop.item is
//
//	("shop", "item", "tea") => [400, 10]
//
// A deploy changes no row, but for one whose source has a MIGRATION block for
// the version in force: its net changes are the difference of the two states. So
// one table's rows may be laid out in different ways along a history, and which
// version reads one is told by the state it is of ([Tree.Deployed]).
//
// # What a transaction leaves
//
// One that is admitted leaves a [Receipt], its net row changes in key order
// ([RowChange]; none if it failed), and a row in aergo_seen, which is state but
// not in the change list, because the transaction list implies it. One that is
// not admitted ([NotAdmitted]) leaves nothing. Codes in receipts:
//
//	AG0401 no such contract or action        AG0416 datatype, REAL, bad text
//	AG0402 not permitted (who may: text)     AG0417 integer overflow, REAL result
//	AG0403 argument (text: its name)         AG0420 out of gas
//	AG0404 contract entered twice            AG0421 too big: key, row, value, receipt, FOR
//	AG0405 CALLs too deep                    AG0429 other error of the engine
//	AG0406 version of a USE not in force     AG0430 precondition (text: which, from 1)
//	AG0410 REQUIRE or RAISE (text: theirs)   AG0440 source does not compile (text: code)
//	AG0411 CHECK                             AG0441 deploy plan forbidden
//	AG0412 PRIMARY KEY or UNIQUE             AG0442 stored rows break a new constraint
//	AG0413 NOT NULL                          AG0443 USE or CALL does not fit (text: which)
//	AG0414 FOREIGN KEY
//	AG0415 INVARIANT (text: its name)        AG0554 drops an INVARIANT that the branch keeps
//	                                         AG0555 no INVARIANT where the branch requires one
//
// Not admitted: AG0431 expired or from the future, AG0432 seen before, AG0433
// bound to another branch, AG0434 salt used by another transaction, AG0435
// arguments erased, AG0436 patch, and what Block.May says.
//
// # Invariants
//
//   - The same transactions on the same state give the same receipts, gas, rows
//     and roots on every machine, whatever the working tree went through.
//   - A failed transaction changes no row. Trouble of this machine (disk,
//     memory, damage) is never a receipt: it breaks the session.
//   - The state map holds exactly the rows that SQLite holds.
//   - No statement runs that the fence would refuse.
//
// An integer that overflows becomes a REAL inside SQLite's expression. It
// cannot be returned, emitted or bound (AG0417), nor stored if it has no exact
// INTEGER form (AG0416); one that has is stored as that INTEGER, and text made
// of it is text: guard sums that may overflow with a CHECK on their operands.
package sqlcontract
