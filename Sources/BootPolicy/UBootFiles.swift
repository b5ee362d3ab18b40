import BootProtocols
import ByteCoding
import FileFormats
import SystemModel

/// What U-Boot is given: a script by DHCP's boot file, which loads the rest to the places that the board's file names and
/// starts it. So a board keeps one command for ever, `dhcp && source $loadaddr`.
extension BootPolicy {
    func uBootScript(for attempt: String, of system: ServedSystem, _ node: MACAddress?) -> BootFile? {
        guard let image = system.manifest.uBoot else { return uefiScript(for: attempt, of: system) }
        let initramfs = initramfs(for: attempt, of: system, node)
        let places = image.uBoot.places(for: image.sizes(initramfs: initramfs.size), as: image.format)
        func name(_ file: BootFileName.File) -> String { BootFileName(attempt: attempt, file: file).text(for: system) }
        func place(_ value: Int) -> String { "0x" + String(value, radix: 16) }
        let parameters = commandLine(of: system, attempt: attempt, node: node)
        var values: [String: Any] = [
            "system": system.manifest.system, "server": "\(serverAddress)", "parameters": Self.quoted(parameters),
            "first": place(places.first), "ownTree": "${" + image.uBoot.deviceTreeVariable + "}",
            "hasTree": image.deviceTree != nil,
        ]
        switch image.format {
        case .fit: values["fit"] = name(.fit)
        default:
            values["kernel"] = name(.legacyKernel)
            values["initramfs"] = name(.legacyInitramfs)
            values["tree"] = name(.deviceTree)
            values["initramfsPlace"] = place(places.initramfs)
            values["treePlace"] = place(places.deviceTree)
        }
        return uBootScript(values, Self.architecture(image), "\(system.manifest.system) \(attempt)")
    }

    /// For a U-Boot that plays UEFI. Left to itself it loads the program too low: with 2023.01 on QEMU's `virt` a large one's
    /// initramfs was damaged when it started, though what came by TFTP was right, and at another address it was not. Probably
    /// that is the device tree, which U-Boot puts 127 MiB above the beginning of RAM; its source was not looked at.
    ///
    /// In its own boot order U-Boot names the script itself, and so tells nothing of its boot: it is told that place alone,
    /// and goes on by asking as a UEFI.
    private func uefiScript(for attempt: String, of system: ServedSystem) -> BootFile? {
        guard let address = system.uBootAddress else { return nil }
        var values: [String: Any] = [
            "system": system.manifest.system, "server": "\(serverAddress)", "first": "0x" + String(address, radix: 16),
            "isPlaceAlone": attempt == BootFileName.noAttempt,
        ]
        if attempt != BootFileName.noAttempt {
            values["program"] = BootFileName(attempt: attempt, file: .unifiedKernel).text(for: system)
        }
        let isARM = system.boots.contains { $0.efiMachine == 0xaa64 }
        return uBootScript(values, isARM ? .arm64 : .riscV, "\(system.manifest.system) \(attempt)")
    }

    private func uBootScript(_ values: [String: Any], _ architecture: UImage.Architecture, _ name: String) -> BootFile {
        BootFile(extents: [.literal(UImage.script(templates.uBoot.render(values), architecture, name: name))])
    }

    /// For U-Boot's own boot order, which knows `pxe` and no script: names count from the folder of DHCP's boot file.
    func uBootMenu(for attempt: String, of system: ServedSystem, _ node: MACAddress?) -> BootFile? {
        guard let image = system.manifest.uBoot else { return wholeNames(for: attempt, of: system, node) }
        var values: [String: Any] = [
            "system": system.manifest.system, "parameters": commandLine(of: system, attempt: attempt, node: node),
        ]
        if image.format == .fit {
            values["kernel"] = "\(BootFileName.fitName(of: system))#conf-1"
        } else {
            values["kernel"] = BootFileName.legacyKernelName
            values["initramfs"] = BootFileName.legacyInitramfsName
            if image.deviceTree != nil { values["tree"] = BootFileName.deviceTreeName }
        }
        return Self.text(templates.uBootMenu.render(values))
    }

    func flattenedImageTree(for attempt: String, of system: ServedSystem, _ node: MACAddress?) -> BootFile? {
        guard let image = system.manifest.uBoot else { return nil }
        let initramfs = initramfs(for: attempt, of: system, node)
        let architecture = image.uBoot.architecture
        func digests(_ sha256: String?, _ crc32: UInt32) -> [FIT.Digest] {
            let known = image.uBoot.hashes.compactMap { name -> FIT.Digest? in
                switch name {
                case "sha256": sha256.map { FIT.Digest(name, Self.bytes(of: $0)) }
                default: nil
                }
            }
            // Where a node's own segment is in it, nobody has read it all: its CRC follows from those of its parts.
            return known.isEmpty || image.uBoot.hashes.contains("crc32")
                ? known + [FIT.Digest("crc32", Self.bytes(of: crc32))] : known
        }
        var images = [
            FIT.Image(
                "kernel-1", .kernel, description: "Linux \(system.manifest.kernelRelease)", architecture: architecture,
                compression: "gzip", load: image.uBoot.kernel, entry: image.uBoot.kernel,
                data: .payload(0, length: image.kernel.part.size),
                digests: digests(image.kernel.sha256, image.kernel.crc32)),
            FIT.Image(
                "ramdisk-1", .ramdisk, description: system.manifest.system, architecture: architecture,
                data: .payload(1, length: initramfs.size), digests: digests(initramfs.sha256, initramfs.crc32)),
        ]
        if let tree = image.deviceTree {
            images.append(
                FIT.Image(
                    "fdt-1", .deviceTree, description: image.board, architecture: architecture,
                    data: .payload(2, length: tree.part.size), digests: digests(tree.sha256, tree.crc32)))
        }
        let configuration = FIT.Configuration(
            "conf-1", description: "\(system.manifest.system) for \(image.board)", kernel: "kernel-1",
            ramdisk: "ramdisk-1", deviceTree: image.deviceTree == nil ? nil : "fdt-1")
        let tree = FIT.Tree(
            description: "\(system.manifest.system) for \(image.board)", images: images, configurations: [configuration]
        )
        let payloads: [[BootFile.Extent]] = [
            [.whole(image.kernel.part)], initramfs.extents, image.deviceTree.map { [.whole($0.part)] } ?? [],
        ]
        return (try? FIT.layout(tree)).map { pieces in
            BootFile(
                extents: pieces.flatMap { piece -> [BootFile.Extent] in
                    switch piece {
                    case .literal(let bytes): [.literal(bytes)]
                    case .payload(let number): payloads[number]
                    }
                })
        }
    }

    func legacyKernel(of system: ServedSystem) -> BootFile? {
        guard let image = system.manifest.uBoot else { return nil }
        let header = UImage.Header(
            .kernel, Self.architecture(image), compression: .gzip, load: image.uBoot.kernel, entry: image.uBoot.kernel,
            name: "Linux \(system.manifest.kernelRelease)", size: UInt32(clamping: image.kernel.part.size),
            checksum: image.kernel.crc32)
        return BootFile(extents: [.literal(UImage.encode(header)), .whole(image.kernel.part)])
    }

    func legacyInitramfs(for attempt: String, of system: ServedSystem, _ node: MACAddress?) -> BootFile? {
        guard let image = system.manifest.uBoot else { return nil }
        let initramfs = initramfs(for: attempt, of: system, node)
        guard let size = UInt32(exactly: initramfs.size) else { return nil }
        let header = UImage.Header(
            .ramdisk, Self.architecture(image), name: system.manifest.system, size: size, checksum: initramfs.crc32)
        return BootFile(extents: [.literal(UImage.encode(header))] + initramfs.extents)
    }

    /// One boot's initramfs with its sums; no SHA-256 where the node's own segment is in it.
    private struct SummedInitramfs {
        var extents: [BootFile.Extent]
        var size: Int
        var sha256: String?
        var crc32: UInt32
    }

    private func initramfs(for attempt: String, of system: ServedSystem, _ node: MACAddress?) -> SummedInitramfs {
        let own = nodeSegment(for: attempt, of: system, node)?.segment
        let file = BootFile.initramfs(of: system.manifest, node: own)
        let sums = system.manifest.uBoot?.initramfs
        var sum = CRC32(sums?.crc32BeforeLast ?? 0)
        if let own { sum.update(own + [UInt8](repeating: 0, count: -own.count & 3)) }
        let last = system.manifest.segments.last?.part.size ?? 0
        sum.append(sums?.crc32OfLast ?? 0, count: (last + 3) & ~3)
        return SummedInitramfs(
            extents: file.extents, size: file.size, sha256: own == nil ? sums?.sha256 : nil, crc32: sum.value)
    }

    private static func architecture(_ image: UBootImage) -> UImage.Architecture {
        switch image.uBoot.architecture {
        case "arm": .arm
        case "arm64": .arm64
        case "riscv": .riscV
        default: .powerPC
        }
    }

    private static func bytes(of number: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
    }

    private static func bytes(of hexadecimal: String) -> [UInt8] {
        let digits = hexadecimal.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
