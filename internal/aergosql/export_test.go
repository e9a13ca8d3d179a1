package aergosql

// EqualTokens is what Format checks of its answer.
var EqualTokens = equalTokens
