# The longer jobs. A newcomer needs only: go test ./...
export CGO_ENABLED ?= 0

.PHONY: build test race fuzz soak corpus cross bench ci

build: ## both names of the command in bin/
	go build -trimpath -ldflags '-s -w' -o bin/ ./cmd/...

test:
	go test ./...

# SQLite is 40 times slower under the race detector, so of the packages that link
# it only a few short tests of the locks run so.
race: ## packages without SQLite and a few tests of repo, with the race detector
	CGO_ENABLED=1 go test -race -short ./internal/wire ./internal/sign ./internal/prolly ./objectstore/... ./branch ./dd
	CGO_ENABLED=1 go test -race -short ./repo -run 'TheSameStock|TestSubmit|TestObserve'

FUZZTIME ?= 10s
fuzz: ## every decoder, FUZZTIME each
	@for p in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
	  done; \
	done

SOAK ?= 2m
soak: ## kill -9 under load, lost power, damage and random histories and contracts, for SOAK each
	AERGO_SOAK=$(SOAK) go test -count=1 -timeout 6h -run 'Killed|Power|Damaged|SameBlocks|RandomMerges|RandomCells|BruteMerges|BerkaBranches' ./repo
	AERGO_SOAK=$(SOAK) go test -count=1 -timeout 6h -run 'RandomContracts' ./sqlcontract

corpus: ## every record of SQLite's own test corpus: some minutes; SLT_DIR=… for another
	AERGO_SOAK=1s go test -count=1 -timeout 6h -run 'SQLLogic' -v ./sqlcontract

CROSS = -count=1 -run 'Vectors|Golden' ./internal/wire ./internal/prolly ./internal/sign ./dd ./sqlcontract ./repo
cross: ## golden vectors on other processors, a big-endian one too; needs qemu-user, takes some minutes
	GOOS=linux GOARCH=s390x go test -exec qemu-s390x $(CROSS)
	GOOS=linux GOARCH=arm64 go test -exec qemu-aarch64 $(CROSS)

bench: ## figures, with ratios against named alternatives of the same run
	go run ./bench

ci:
	bash .ci/run
