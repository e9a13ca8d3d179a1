package prolly

// path is the way from the root down to an entry or a node: the nodes, and in
// each the index of the entry that the way takes.
type path []step

type step struct {
	n *node
	i int
}

// node is where the path ends.
func (p path) node() *node { return p[len(p)-1].n }

// seekNode gives the path to the node of a level whose range holds key.
func (m *Map) seekNode(top *node, level int, key []byte) (path, error) {
	p := append(make(path, 0, top.level-level+1), step{n: top})
	for n := top; n.level > level; {
		i := n.child(key)
		p[len(p)-1].i = i
		kid, err := m.kid(n, i)
		if err != nil {
			return nil, err
		}
		p = append(p, step{n: kid})
		n = kid
	}
	return p, nil
}

// next moves to the next node of the same level; nil after the last.
func (p path) next(m *Map) (*node, error) { return p.move(m, 1) }

// prev moves to the node before, on the same level; nil before the first.
func (p path) prev(m *Map) (*node, error) { return p.move(m, -1) }

func (p path) move(m *Map, by int) (*node, error) {
	up := len(p) - 2
	for up >= 0 && (p[up].i+by < 0 || p[up].i+by >= p[up].n.count) {
		up--
	}
	if up < 0 {
		return nil, nil
	}
	p[up].i += by
	for at := up; at < len(p)-1; at++ {
		kid, err := m.kid(p[at].n, p[at].i)
		if err != nil {
			return nil, err
		}
		p[at+1] = step{n: kid}
		if by < 0 && at+1 < len(p)-1 {
			p[at+1].i = kid.count - 1
		}
	}
	return p.node(), nil
}

// nextKey appends to dst the first key of the next node of the same level,
// without reading that node; ok is false after the last.
func (p path) nextKey(dst []byte) (key []byte, ok bool) {
	for up := len(p) - 2; up >= 0; up-- {
		if s := p[up]; s.i+1 < s.n.count {
			return s.n.appendKey(dst, s.i+1), true
		}
	}
	return nil, false
}
