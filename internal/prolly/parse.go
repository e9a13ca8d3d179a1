package prolly

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/aergo-git/aergo-git/objectstore"
)

// parseNode checks foreign bytes in every respect that can be seen from one
// node, and keeps data. The id is not computed.
func parseNode(kind objectstore.Kind, data []byte) (*node, error) {
	if len(data) < headerSize {
		return nil, errors.New("shorter than its header")
	}
	if len(data) > maxNode {
		return nil, fmt.Errorf("%d bytes, more than a node can have", len(data))
	}
	n := &node{
		data:  data,
		level: int(data[1]),
		count: int(binary.BigEndian.Uint16(data[2:])),
	}
	switch {
	case data[0] != StateFormat:
		return nil, fmt.Errorf("state format %d, this build knows %d", data[0], StateFormat)
	case n.level > MaxLevel:
		return nil, fmt.Errorf("level %d is above %d", n.level, MaxLevel)
	case kind != kindOf(n.level):
		return nil, fmt.Errorf("level %d does not fit kind %v", n.level, kind)
	case n.count == 0 || n.count > maxEntries:
		return nil, fmt.Errorf("%d entries, not 1 to %d", n.count, maxEntries)
	}
	n.prefixEnd = headerSize + int(binary.BigEndian.Uint16(data[4:]))
	n.keyEnds = n.prefixEnd
	n.valueEnds = n.keyEnds + 2*n.count
	n.rests = n.valueEnds
	if n.level == 0 {
		n.rests += 4 * n.count
	}
	if n.rests > len(data) {
		return nil, errors.New("cut off within its tables")
	}
	if err := n.parseKeys(); err != nil {
		return nil, err
	}
	if n.level == 0 {
		return n, n.parseLeafValues()
	}
	return n, n.parseInnerValues()
}

// sum adds up the rows below.
func (n *node) sum() {
	n.total = 0
	for i := range n.count {
		n.total += n.rows(i)
	}
}

func (n *node) parseKeys() error {
	prefix := n.prefixEnd - headerSize
	end, limit := 0, len(n.data)-n.rests
	for i := range n.count {
		begin := end
		end = int(binary.BigEndian.Uint16(n.data[n.keyEnds+2*i:]))
		if end < begin || end > limit {
			return fmt.Errorf("entry %d: key out of bounds", i)
		}
		if size := prefix + end - begin; size < 1 || size > MaxKey {
			return fmt.Errorf("entry %d: key of %d bytes, not 1 to %d", i, size, MaxKey)
		}
		if i > 0 && bytes.Compare(n.rest(i-1), n.rest(i)) >= 0 {
			return fmt.Errorf("entry %d: key not above the one before", i)
		}
	}
	n.values = n.rests + end
	first, last := n.rest(0), n.rest(n.count-1)
	if n.count == 1 && len(first) > 0 || n.count > 1 && commonPrefix(first, last) > 0 {
		return errors.New("prefix shorter than what the keys share")
	}
	if w := n.weight() - prefix - len(first) - entryWeight; w > span {
		return fmt.Errorf("entries after the first weigh %d, more than %d", w, span)
	}
	return nil
}

func (n *node) parseLeafValues() error {
	end, limit := 0, len(n.data)-n.values
	for i := range n.count {
		begin := end
		end = int(binary.BigEndian.Uint32(n.data[n.valueEnds+4*i:]))
		if end <= begin || end > limit {
			return fmt.Errorf("entry %d: value out of bounds", i)
		}
		size := end - begin - 1
		switch tag := n.data[n.values+begin]; tag {
		case tagInline:
			if size > MaxInline {
				return fmt.Errorf("entry %d: %d bytes of value in the leaf, more than %d", i, size, MaxInline)
			}
		case tagOutside, tagErased:
			if size != objectstore.HashSize {
				return fmt.Errorf("entry %d: hash of %d bytes", i, size)
			}
		default:
			return fmt.Errorf("entry %d: unknown value tag %d", i, tag)
		}
	}
	n.total = uint64(n.count)
	if end != limit {
		return fmt.Errorf("%d bytes too many", limit-end)
	}
	return nil
}

func (n *node) parseInnerValues() error {
	if got, want := len(n.data)-n.values, n.count*innerValue; got != want {
		return fmt.Errorf("%d bytes of child ids and counts, not %d", got, want)
	}
	for i := range n.count {
		rows := n.rows(i)
		if rows == 0 || rows > maxRows || n.total+rows > maxRows {
			return fmt.Errorf("entry %d: impossible row count %d", i, rows)
		}
		n.total += rows
	}
	return nil
}

// NodeHash checks a node's stored bytes (bounds, order, limits, nothing twice
// or left over) and gives its id. It is the function for objectstore.Options,
// and the one place where foreign nodes are checked. A leaf with erased values
// has the id that it had before.
func NodeHash(kind objectstore.Kind, stored []byte) (objectstore.Hash, error) {
	n, err := parseNode(kind, stored)
	if err != nil {
		return objectstore.Hash{}, fmt.Errorf("check %v of the state map: %w", kind, err)
	}
	return nodeID(n.level, n.count, n.allHashes()[n.count:]), nil
}
