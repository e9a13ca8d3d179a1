package wire

import (
	"fmt"
	"slices"
)

// Extensions are fields that a later version of a format may add: a key and the
// canonical CBOR of its value. A reader that does not know an odd key ignores
// it; it must refuse an object with an even key that it does not know. Use it
// as a struct field with `omitempty`, so that an empty map is not written.
type Extensions map[uint64]Raw

// Check refuses an unknown even key and a value that is not canonical CBOR.
// known reports which keys the caller understands; nil means none.
func (e Extensions) Check(known func(key uint64) bool) error {
	// In key order, so that the error is the same each time.
	keys := make([]uint64, 0, len(e))
	for key := range e {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if key%2 == 0 && (known == nil || !known(key)) {
			return fmt.Errorf("extension %d is required and not known to this version: upgrade to read it", key)
		}
		if err := Check(e[key]); err != nil {
			return fmt.Errorf("extension %d: %w", key, err)
		}
	}
	return nil
}
