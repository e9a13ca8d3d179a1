// Package cli is the command: it parses, calls package repo and prints. Nothing
// in it decides anything about a ledger.
//
// Run is the only entry. It gets its arguments, streams and environment from
// its caller, so a test or the demo runs a command inside the process:
//
//	code := cli.Run(ctx, []string{"aergo", "status", "--json"}, stdin, stdout, stderr, os.Getenv)
//
// # Rules
//
//   - Flags may stand anywhere, before the verb too; "--" ends them. A flag has
//     one arity for all verbs (a test holds it), which makes that unambiguous.
//   - With --json, standard output is one JSON document, or JSON lines where the
//     answer is a stream (log). Errors are a JSON document on standard error.
//     Field names are stable. INTEGER is a number, BLOB a string "0x…", NULL is
//     null, a time is RFC 3339 in UTC.
//   - What is meant for people is free to change; text from a ledger has its
//     control characters replaced before it reaches a terminal.
//   - Nothing is asked without a terminal: what would be asked is an error that
//     names the flag which answers it.
//   - The exit status comes from the class of the error's code (package fault):
//     0 ok, 1 conflict or differs, 2 usage, 3 not found, 4 denied, 5 network,
//     6 verification failed, 7 contract refused, 70 bug or disk, 130 interrupted.
//
// # Keys
//
// A key is an OpenSSH file in the key folder (AERGO_KEYS, or aergo-git/keys in
// the user's configuration folder), its public line beside it in NAME.pub. The
// key of a command is --key (a name or a path), else AERGO_KEY, else the name
// recorded in the repository's .aergo/key, else "default".
package cli
