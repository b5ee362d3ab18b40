# Bootferry: `make demo` boots a node, `make test` tests everything, `make help` lists the rest.
SHELL := /bin/sh
export LC_ALL := C.UTF-8

# To compile Bootferry.
BUILD_PACKAGES := libarchive-dev libzstd-dev liblzma-dev libssl-dev libcurl4-openssl-dev libsqlite3-dev pkg-config
# To build and boot systems; `bootferry doctor` names the same.
RUN_PACKAGES := bubblewrap uidmap util-linux iproute2 debian-archive-keyring \
	qemu-system-x86 ipxe-qemu seabios ovmf
# Real tools that the tests compare against, and the peers that the benchmarks run beside.
TEST_PACKAGES := nix-bin openssh-client atftp tftp-hpa busybox isc-dhcp-client curl cpio zstd xz-utils dpkg-dev libarchive-tools \
	tshark dnsmasq-base libcap2-bin libcap2 gcc libc6-dev python3 python3-jsonschema python3-prometheus-client chromium fonts-dejavu-core \
	binutils faketime systemd qemu-user qemu-system-ppc grub-common grub-pc-bin grub-efi-amd64-signed isc-dhcp-server kea-dhcp4-server \
	openssl pxelinux syslinux-common mtools gdisk fdisk dosfstools u-boot-tools u-boot-qemu device-tree-compiler \
	qemu-system-arm qemu-system-misc qemu-efi-aarch64 python3-venv gpg gpg-agent skopeo
BENCH_PACKAGES := mmdebstrap cpio zstd
BENCH_SERVE_PACKAGES := atftpd dnsmasq-base nginx-light wrk gcc libc6-dev python3

SWIFT_BUILD := swift build -c release
BOOTFERRY := .build/release/bootferry
PREFIX ?= /usr/local
SYSTEM ?= targets/systems/lab-node/system.yaml

.PHONY: help deps test-deps build demo test test-full install bench bench-serve format lint clean

help:
	@echo "make demo       install what is needed, build, and boot the lab-node image over the network in QEMU"
	@echo "make test       everything: unit tests, cross-checks against real tools, boots by real firmware"
	@echo "make test-full  make test, plus the long tests (kills at many random points)"
	@echo "make bench      the figures of the README, side by side with the peers"
	@echo "make bench-serve  the boot server beside tftpd-hpa, atftpd, dnsmasq and nginx"
	@echo "make build      .build/release/bootferry only"
	@echo "make install    what 'make build' made, its data and a systemd unit, below PREFIX (/usr/local)"
	@echo "make format     swift format in place;  make lint: what CI checks"

deps:
	@scripts/install-packages $(BUILD_PACKAGES) $(RUN_PACKAGES)

test-deps: deps
	@scripts/install-packages $(TEST_PACKAGES)
	@scripts/install-validators .build/validators Tests/Support/validators/requirements.txt

build: deps
	$(SWIFT_BUILD) --product bootferry

# Builds nothing: it is run as root, who would leave files of his own in .build.
install:
	@[ -x $(BOOTFERRY) ] || { echo "make install: $(BOOTFERRY) is not there; first: make build" >&2; exit 1; }
	install -D $(BOOTFERRY) $(DESTDIR)$(PREFIX)/bin/bootferry
	mkdir -p $(DESTDIR)$(PREFIX)/share/bootferry
	cp -R netboot targets $(DESTDIR)$(PREFIX)/share/bootferry/
	install -D -m 644 netboot/systemd/bootferry.service $(DESTDIR)$(PREFIX)/lib/systemd/system/bootferry.service
	sed -i 's|/usr/local/bin/|$(PREFIX)/bin/|' $(DESTDIR)$(PREFIX)/lib/systemd/system/bootferry.service

demo: build
	$(BOOTFERRY) boot $(SYSTEM)

# One configuration for the product and its tests, so that dependencies compile once.
test: test-deps
	$(SWIFT_BUILD) --build-tests
	CI=$${CI:-} scripts/run-tests

test-full: test-deps
	$(SWIFT_BUILD) --build-tests
	BOOTFERRY_TEST_FULL=1 scripts/run-tests

bench: build
	@scripts/install-packages $(BENCH_PACKAGES)
	Tests/Benchmarks/run

bench-serve: test-deps
	$(SWIFT_BUILD) --build-tests
	@scripts/install-packages $(BENCH_SERVE_PACKAGES)
	Tests/Benchmarks/serve

format:
	swift format -i -r Sources Tests Package.swift

lint:
	swift format lint --strict -r Sources Tests Package.swift

clean:
	rm -rf .build
