// Package dd is the distributed directory: the small, slow chain that says who
// may do what in a ledger, which branches it has, and what its tags name. It is
// the root of trust of everything else.
//
// # Which function first
//
// Create begins a ledger, Adopt takes one over from a peer, Open opens the one
// that is there. A State is what the directory says after one of its blocks:
// Directory.Head for the newest, Directory.At for the one that a block names.
// Decide answers every question of permission from a State.
//
//	d, err := dd.Open(store, store)
//	s, err := d.Head()
//	err = dd.Decide(s, dd.Question{Account: bob, Right: dd.RightWrite, Branch: id})
//
// To change it, Propose makes a signed operation, anywhere; the directory's
// producer puts operations in order with Append:
//
//	op, err := dd.Propose(s, dd.Grant{Role: dd.Writer, Pattern: "eu/*", Account: bob}, now, salt, nil, key)
//	s, err = d.Append(batch, now, []dd.SignedOperation{op}, nil, key)
//	err = batch.Commit()
//
// A root matter, which several admins decide, begins as NewProposal and is
// signed on several machines (Proposal.Sign, Join, Status, Complete).
//
// # The chain
//
// The ledger id is the hash of the Genesis. Block 0 follows from the genesis
// alone and is signed by the owner; it registers the owner's identity and roles,
// the branch main and the engine. Each later block lists operations, is signed
// by the directory's producer, and carries the root of the state map after it.
// State.Next is the only way from one state to the next, for our own blocks and
// for those of others; State.Follow takes it for many, whose signatures it
// verifies together, and VerifyChain from the genesis on: it believes nothing but
// the ledger id. Of two chains State.Better says which is followed;
// Directory.Accept obeys it.
//
// Records of the state map, by the key tuple that begins with:
//
//	"ledger"                        owner, producer, threshold, state format, visibility, term
//	"engine"                        number of the engine in force
//	"identity", name                account and descriptor
//	"account", account              name of its identity
//	"keys", account                 its present descriptor, where it was changed
//	"revoked", account, key         since when, and why
//	"last", account, key, branch    the last block that counts of it
//	"resolved", branch, epoch, seq  the block kept of two of one number
//	"key", key, account             account, for each present key of a known account
//	"past", account, descriptor     until when it signed by that one
//	"branch", id                    name, creator, salt, producer, epoch, policy, first parent, protection
//	"deleted", id                   name, who deleted it, and when
//	"name", branch name             id
//	"peer", name                    account, addresses, whether it is a mirror
//	"tag", name                     block, branch, tagger, message, time
//	"role", role, pattern, account  a grant
//	"member", account               how many roles of each kind it has
//	"block", id                     number of each earlier directory block
//	"seen", account, salt           id of each operation so far: none counts twice
//
// # Head statements
//
// A block's signature says who made it; a Statement says that it is published.
// Sequences never go down, and two statements of one (branch, epoch, sequence)
// with different blocks are evidence against their producer: TakeStatement keeps
// it, and CheckContested refuses the branch until an admin decides.
//
// # Protected branches
//
// ProtectBranch binds what is merged into a branch to a policy, to approvals and
// to INVARIANTs. The directory says so; repo enforces it, and Verify checks each
// block by the directory block that it names. An Approval is an account's word
// that one block may be merged into one branch.
//
// # Invariants
//
//   - Decide is the one function that decides a permission. It is pure.
//   - Everything that leads to a State from bytes of others verifies them first;
//     Directory.At trusts what is stored, for only verified blocks are.
//   - Nothing here reads a clock or randomness, or depends on the order of a map.
//
// Formats with vectors: docs/formats/directory.md, testdata/vectors/directory.json.
package dd
