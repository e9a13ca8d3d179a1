package cli

import (
	"strings"
	"testing"
)

// TestResolveOnATerminal walks through two conflicts, and back.
func TestResolveOnATerminal(t *testing.T) {
	home, dir := shopOnDisk(t)
	run := func(fails bool, args ...string) string {
		t.Helper()
		out, err := aergo(t, home, append([]string{"-C", dir}, args...)...).CombinedOutput()
		if (err != nil) != fails {
			t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	run(false, "call", "shop.add_item", "sku=cup", "price=900", "stock=1")
	run(false, "branch", "eu")
	for _, sku := range []string{"tea", "cup"} {
		run(false, "call", "shop.set_price", "sku="+sku, "price=500", "--branch", "eu")
		run(false, "call", "shop.set_price", "sku="+sku, "price=450")
	}
	run(true, "merge", "eu", "--consistent")
	x := onTerminal(t, aergo(t, home, "-C", dir, "resolve"))
	x.await("1/2  shop.item[cup].price  cell")
	x.await("base")
	x.await("900")
	x.await("theirs")
	x.await("shop.set_price(sku=cup, price=500) by you")
	x.await("[q]uit: ")
	x.typed("what\r")
	x.await("1/2  shop.item[cup].price")
	x.await("[q]uit: ")
	x.typed("o\r")
	x.await("2/2  shop.item[tea].price")
	x.await("[q]uit: ")
	x.typed("b\r")
	x.await("1/2  shop.item[cup].price")
	x.await("chosen: ours")
	x.await("[q]uit: ")
	x.typed("=many\r")
	x.await("1/2  shop.item[cup].price")
	x.await("[q]uit: ")
	x.typed("n\r")
	x.await("is NOT NULL")
	x.await("[q]uit: ")
	x.typed("=475\r")
	x.await("2/2  shop.item[tea].price")
	x.await("[q]uit: ")
	x.typed("t\r")
	x.await("Checks pass. Merge block")
	if code := x.ends(); code != 0 {
		t.Errorf("resolve ends with %d", code)
	}
	if out := run(false, "query", "SELECT price FROM shop.item ORDER BY 1", "--format", "csv"); !strings.Contains(out, "475\n500\n") {
		t.Errorf("the prices are %s", out)
	}
}
