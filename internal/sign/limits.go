package sign

import "time"

const (
	// maxAgentKeys is how many keys of an agent are looked at; ssh itself tries
	// six.
	maxAgentKeys = 256

	// agentDial and agentAnswer are how long an ssh-agent is waited for: it is
	// on this machine, but may ask a person before it signs.
	agentDial   = 2 * time.Second
	agentAnswer = 2 * time.Minute

	// MaxKeys is n of the largest m of n. A board has fewer members; each costs
	// a signature in every transaction.
	MaxKeys = 16

	// MaxSignatures is the number of signatures that a seal may list: MaxKeys
	// twice, for a time in which an account signs by two schemes.
	MaxSignatures = 32

	// MaxKeyBytes and MaxSignatureBytes bound one signature of any scheme; a
	// reserved scheme may be post-quantum (ML-DSA-65: 1952 and 3309 bytes).
	MaxKeyBytes       = 4 << 10
	MaxSignatureBytes = 8 << 10

	// MaxSeal is the encoded size of a seal in bytes. A seal of MaxKeys ed25519
	// signatures and its descriptor has 2.3 KB.
	MaxSeal = 64 << 10

	// MaxApplication is the length of a hardware key's application in bytes:
	// "ssh:" and a name that somebody typed.
	MaxApplication = 64

	// MaxDescriptor is the encoded size of a descriptor: MaxKeys hardware keys of
	// 99 bytes and some more.
	MaxDescriptor = 2 << 10

	// MaxContractName is the length of a contract's name in bytes.
	MaxContractName = 128

	// MaxKeyFile is the size of a key file; one with a long comment has 1 KB.
	MaxKeyFile = 64 << 10
)
