package cli

// examples are what `aergo explain CODE` shows under the advice, for the codes
// that an example makes clearer: usually what brings the error about, and the
// command that helps.
func examples() map[string]string {
	return map[string]string{
		"AG0101": "aergo branch eu/berlin            good\naergo branch EU..berlin           capital letters and '..'",
		"AG0102": "chmod 600 ~/.config/aergo-git/keys/alice   a private key that others may read is not used",
		"AG0104": "aergo query --at main~3 \"SELECT …\"       three blocks before main's head\naergo show @2026-11-01T12:00              the block in force then",
		"AG0107": "aergo query \"UPDATE shop.item SET …\"      refused\naergo call shop.set_price sku=tea price=5  what it should be",
		"AG0113": "aergo call shop.sell sku=tea n=2",
		"AG0114": "aergo deploy shop.sql --yes",
		"AG0201": "aergo show 51d7                           two ids begin so: write more digits\naergo log                                 shows what there is",
		"AG0202": "aergo switch ue                           there is eu, and no ue\naergo branch                              lists the branches",
		"AG0203": "aergo proof row shop.itme tea             the table is item\naergo contract abi shop                   lists tables with their columns and keys",
		"AG0204": "aergo -C ~/ledgers/shop status",
		"AG0222": "aergo call shop.sel sku=tea               the action is sell\naergo contract abi shop",
		"AG0302": "price REAL                                refused\nprice INTEGER NOT NULL  -- cents          what to write",
		"AG0304": "CREATE TABLE t (n INTEGER)                refused: no key\nCREATE TABLE t (n INTEGER PRIMARY KEY)",
		"AG0307": "ALTER a column's type                     refused\nnote TEXT DEFAULT ''                      a new last column is fine",
		"AG0401": "aergo call shop.sell sku=tea n=1 -b eu    shop may be deployed on main only\naergo contract list",
		"AG0402": "aergo grant manager --contract shop --to bob   run by the owner of shop",
		"AG0403": "aergo call shop.sell sku=tea n=two        n is an INTEGER\naergo call shop.note --args '{\"text\":null}'   NULL has no other form",
		"AG0410": "REQUIRE (SELECT stock FROM item WHERE sku = :sku) >= :n ELSE 'not enough in stock'\nwith :sku = 'tea', :n = 8                 what the line used\nitem: sku='tea' price=400 stock=2         the row it looked at",
		"AG0411": "stock INTEGER NOT NULL CHECK (stock >= 0)\nitem would have: sku='tea' stock=-6       the row that was refused",
		"AG0412": "item has: sku='tea' price=400 stock=2     the row that has the key",
		"AG0414": "item has no row for this sale: id=2 sku='ale' n=1",
		"AG0415": "INVARIANT no_debt ON account TOTAL sum(amount) BY owner CHECK (total >= 0)\nno_debt owner='bob': the total was 10 and would become -2, it must be >= 0",
		"AG0417": "total = total + 9223372036854775807       leaves 64 bits",
		"AG0420": "aergo call shop.closing --gas 5000000\naergo show TRANSACTION                    has the gas of each statement",
		"AG0430": "aergo query \"SELECT …\"                    see how it is now, then call again",
		"AG0434": "aergo call bank.post … --idempotency-key pay-7     done\naergo call bank.post … --idempotency-key pay-7     with other arguments: refused",
		"AG0490": "cat day.jsonl.refused                     line, code, error, and why",
		"AG0491": "{\"call\":\"bank.post\",\"args\":{\"id\":7,\"amount\":100}}",
		"AG0502": "aergo switch -c mine                      a branch of your own\naergo call shop.sell sku=tea n=1",
		"AG0603": "aergo verify --full",
		"AG0702": "aergo switch eu                           it is there: go to it",
		"AG0703": "aergo branch -d eu                        refused: main does not have what is on it\naergo merge eu && aergo branch -d eu",
		"AG0704": "aergo switch main && aergo branch -d eu   the current branch is not deleted",
	}
}
