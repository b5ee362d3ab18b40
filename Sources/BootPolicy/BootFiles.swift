import BootProtocols
import FileFormats
import SystemModel

extension BootPolicy {
    /// The file a name stands for, or nil where no such file exists: the answer for TFTP and HTTP both.
    ///
    /// The attempt's own system is used, so a node in flight keeps the generation it began with; what a name decides
    /// (`choice(madeBy:for:)`) is taken into the attempt before.
    public func bootFile(named name: String, for attempts: BootAttempts) -> (name: BootFileName, file: BootFile)? {
        guard let parts = BootFileName.split(name) else { return nil }
        let node = attempts.attempt(parts.attempt)?.node
        let known = parts.attempt == BootFileName.noAttempt ? anySystem : attempts.system(of: parts.attempt)
        guard let system = known else { return nil }
        if let scope = parts.scope {
            let isGRUB = parts.file == GRUBSearch.file
            guard isGRUB || parts.file == BootFileName.scriptName, let node else { return nil }
            let name = BootFileName(attempt: parts.attempt, file: isGRUB ? .grub : .script, scope: scope)
            switch scope {
            case .system(let chosen):
                guard system.manifest.system == chosen else { return nil }
                if isGRUB { return (name, Self.text(grubBootScript(for: parts.attempt, of: system, node))) }
                return (name, Self.text(bootScript(for: parts.attempt, of: system, node)))
            case .serial(let serial):
                guard !isGRUB else { return nil }
                var machine = seen.machine(node)
                // Empty, so that it is not asked for again.
                machine.serial = serial ?? ""
                return (name, Self.text(script(for: parts.attempt, of: system, machine)))
            }
        }
        guard let file = BootFileName.file(named: parts.file, of: system) else { return nil }
        let found = BootFileName(attempt: parts.attempt, file: file)
        return bootFile(found, of: system, for: node).map { (found, $0) }
    }

    func bootFile(_ name: BootFileName, of system: ServedSystem, for node: MACAddress?) -> BootFile? {
        switch name.file {
        case .kernel: BootFile(extents: [.whole(system.manifest.kernel)])
        case .initramfs:
            .initramfs(of: system.manifest, node: nodeSegment(for: name.attempt, of: system, node)?.segment)
        case .loader(let loader):
            system.manifest.loaders[loader].map {
                BootFile(
                    extents: [.whole($0)],
                    contentType: loader.hasSuffix(".efi") ? "application/efi" : "application/octet-stream")
            }
        case .script: Self.text(script(for: name.attempt, of: system, node.map(seen.machine)))
        case .generationMenu: Self.text(generationMenu(for: name.attempt, of: system))
        case .pxelinux, .pxelinuxByHTTP:
            Self.text(
                templates.pxelinux.render([
                    "system": system.manifest.system,
                    "base": name.file == .pxelinux ? "" : "\(base(name.attempt))/",
                    "parameters": commandLine(of: system, attempt: name.attempt, node: node),
                ]))
        case .grub where name.attempt == BootFileName.noAttempt: Self.text(grubIdentification())
        case .grubByHTTP: Self.text("set files=(http,\(serverAddress))\n")
        case .grub: Self.text(grubScript(for: name.attempt, of: system, node))
        case .unifiedKernel: unifiedKernel(for: name.attempt, of: system, node)
        case .openFirmware: openFirmwareProgram(for: name.attempt, of: system, node)
        case .uBootScript: uBootScript(for: name.attempt, of: system, node)
        case .uBootMenu: uBootMenu(for: name.attempt, of: system, node)
        case .fit: flattenedImageTree(for: name.attempt, of: system, node)
        case .legacyKernel: legacyKernel(of: system)
        case .legacyInitramfs: legacyInitramfs(for: name.attempt, of: system, node)
        case .deviceTree: system.manifest.uBoot?.deviceTree.map { BootFile(extents: [.whole($0.part)]) }
        }
    }

    static func text(_ script: String) -> BootFile {
        BootFile(extents: [.literal(Array(script.utf8))], contentType: "text/plain")
    }

    /// Absolute: behind a proxy iPXE's own idea of the server is the DHCP server.
    private func base(_ attempt: String) -> String { "\(serverURL)/boot/\(attempt)" }

    /// What iPXE is to do: boot the attempt's system, show the menu, or tell the serial number first.
    private func script(for attempt: String, of system: ServedSystem, _ machine: Machine?) -> String {
        let choice = machine.map(choice(for:))
        switch choice?.answer {
        case .menu: return menu(attempt, base(attempt))
        case .askSerial: return templates.identify.render(["attempt": attempt, "base": base(attempt)])
        case .nothing:
            return "#!ipxe\necho bootferry: \(choice?.reason ?? "nothing to boot")\nsleep 5\nexit 1\n"
        case .system, nil: return bootScript(for: attempt, of: system, machine?.mac)
        }
    }

    private func bootScript(for attempt: String, of system: ServedSystem, _ node: MACAddress?) -> String {
        let values: [String: Any] = [
            "system": system.manifest.system, "attempt": attempt, "base": base(attempt),
            "hasGenerations": attempt != BootFileName.noAttempt && numbers(of: system).count > 1,
            "parameters": commandLine(of: system, attempt: attempt, node: node),
        ]
        return templates.ipxe.render(values)
    }

    /// Newest first.
    func numbers(of system: ServedSystem) -> [Int] {
        generations[system.manifest.system].map { $0.systems.keys.sorted(by: >) } ?? []
    }

    private func generationMenu(for attempt: String, of system: ServedSystem) -> String {
        let name = system.manifest.system
        let values: [String: Any] = [
            "system": name,
            "base": base(attempt),
            "current": "\(system.generation ?? 0)",
            "generations": numbers(of: system).map { number -> [String: Any] in
                [
                    "number": "\(number)", "kernel": generations[name]?.systems[number]?.manifest.kernelRelease ?? "",
                    "isCurrent": number == system.generation,
                ]
            },
        ]
        return templates.generations.render(values)
    }

    private func menu(_ attempt: String, _ base: String) -> String {
        let names = systems.keys.sorted()
        var values: [String: Any] = [
            "attempt": attempt, "base": base, "server": "\(serverAddress)", "systems": names.map { ["name": $0] },
        ]
        if let system = site.unknown.system, systems[system] != nil {
            values["default"] = system
            if site.unknown.menuSeconds > 0 { values["milliseconds"] = String(site.unknown.menuSeconds * 1000) }
        }
        return templates.menu.render(values)
    }

    /// The system's own kernel parameters, then those of the node's group and the node's.
    func commandLine(of system: ServedSystem, attempt: String, node: MACAddress?) -> String {
        commandLineParts(of: system, attempt: attempt, node: node).joined(separator: " ")
    }

    func commandLineParts(of system: ServedSystem, attempt: String, node: MACAddress?) -> [String] {
        let own = node.flatMap { choice(for: seen.machine($0)).settings?.kernelParameters } ?? []
        return system.commandLine(server: serverURL, attempt: attempt, node: node) + own
    }

    private func openFirmwareProgram(
        for attempt: String, of system: ServedSystem, _ node: MACAddress?
    ) -> BootFile? {
        guard let program = system.openFirmware else { return nil }
        let initramfs = BootFile.initramfs(
            of: system.manifest, node: nodeSegment(for: attempt, of: system, node)?.segment
        ).extents
        let layout = try? OpenFirmware.layout(
            image: program.headers, size: program.part.size,
            commandLine: commandLine(of: system, attempt: attempt, node: node),
            initramfs: initramfs.reduce(0) { $0 + $1.length })
        return layout.map { pieces in
            BootFile(
                extents: pieces.flatMap { piece -> [BootFile.Extent] in
                    switch piece {
                    case .literal(let bytes): [.literal(bytes)]
                    case .zeros(let count): [.literal([UInt8](repeating: 0, count: count))]
                    case .image(let range):
                        [.stored(path: program.part.path, offset: range.lowerBound, length: range.count)]
                    case .initramfs: initramfs
                    }
                })
        }
    }

    private func unifiedKernel(for attempt: String, of system: ServedSystem, _ node: MACAddress?) -> BootFile? {
        (try? UnifiedKernel(
            of: system, commandLine: commandLine(of: system, attempt: attempt, node: node),
            node: nodeSegment(for: attempt, of: system, node)?.segment))?.file
    }
}

extension BootFile {
    /// A tag that changes with the content: store objects never change, so their paths and ranges stand for their bytes.
    public var entityTag: String {
        // FNV-1a, 64 bits.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ bytes: some Sequence<UInt8>) {
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }
        for extent in extents {
            switch extent {
            case .literal(let bytes): add(bytes)
            case .stored(let path, let offset, let length):
                add(path.utf8)
                for number in [offset, length] { withUnsafeBytes(of: number.littleEndian) { add($0) } }
            }
        }
        return "\"\(String(hash, radix: 16))\""
    }

    /// The extents of a byte range, cut to it; the range is clamped to the file.
    public func extents(in range: Range<Int>) -> [Extent] {
        var found: [Extent] = []
        var start = 0
        for extent in extents {
            let end = start + extent.length
            let part = range.clamped(to: start..<end)
            if !part.isEmpty {
                switch extent {
                case .literal(let bytes):
                    found.append(.literal(Array(bytes[(part.lowerBound - start)..<(part.upperBound - start)])))
                case .stored(let path, let offset, _):
                    found.append(.stored(path: path, offset: offset + part.lowerBound - start, length: part.count))
                }
            }
            start = end
            if start >= range.upperBound { break }
        }
        return found
    }
}

extension BootFile {
    /// The segments one after the other, each padded to 4 bytes: the kernel looks for the next archive only there.
    ///
    /// - Parameter node: The segment of a node's own; before the last one, which carries the sign that all was unpacked.
    public static func initramfs(of manifest: ImageManifest, node: [UInt8]? = nil) -> BootFile {
        var segments = manifest.segments.map { Extent.whole($0.part) }
        if let node { segments.insert(.literal(node), at: max(0, segments.count - 1)) }
        return BootFile(
            extents: segments.flatMap { segment -> [Extent] in
                let padding = -segment.length & 3
                return [segment] + (padding > 0 ? [.literal([UInt8](repeating: 0, count: padding))] : [])
            })
    }
}

extension BootFile.Extent {
    public static func whole(_ part: ImageManifest.Part) -> BootFile.Extent {
        .stored(path: part.path, offset: 0, length: part.size)
    }
}
