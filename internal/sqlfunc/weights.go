package sqlfunc

import (
	"errors"
	"strings"
)

// Tiers is how many lengths of values have prices of their own.
const Tiers = 3

// Weight is what a VM step costs in 1/64 gas at each tier.
type Weight [Tiers]uint64

// or is the dearer of two weights.
func (w Weight) or(x Weight) Weight {
	for t := range w {
		w[t] = max(w[t], x[t])
	}
	return w
}

// All steps of a statement cost what its dearest instruction costs: which of
// them a loop goes round in is not known beforehand, and calls can be nested so
// that nearly each step is one.
var (
	basic    = Weight{28, 190, 1300}    // move, compare or convert a value; look a row up
	sorting  = Weight{48, 240, 1600}    // an entry's share of sorting it among all others
	pass     = Weight{64, 450, 4500}    // walk through a value and make another
	search   = Weight{200, 1800, 20000} // compare each byte of a value with a set or pattern
	jsonPass = Weight{300, 2400, 60000}
)

// Least is the weight of a statement of plain instructions.
func Least() Weight { return basic }

// instructions are the VM's instructions that cost more than a plain one.
var instructions = map[string]Weight{
	"Concat":        pass,
	"SorterOpen":    sorting,
	"OpenEphemeral": sorting,
	"VFilter":       jsonPass,
	"VNext":         jsonPass,
	"VColumn":       jsonPass,
}

// WeightOf is the weight of the dearest instruction, each given by its name and
// its fourth operand, which names the function of a call.
func WeightOf(program [][]any) (Weight, error) {
	w := basic
	for _, r := range program {
		op, _ := r[0].(string)
		switch op {
		case "Count":
			return w, errors.New("write count(*) without quotes")
		case "Function", "PureFunc", "AggStep", "AggStep1", "AggInverse", "AggValue", "AggFinal":
			call, _ := r[1].(string)
			name, _, _ := strings.Cut(call, "(")
			w = w.or(functions[name])
		default:
			w = w.or(instructions[op])
		}
	}
	return w, nil
}
