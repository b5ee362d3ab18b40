import FileFormats
import SystemModel

/// A system as one program for UEFI: systemd's stub with kernel, initramfs and command line inside.
public struct UnifiedKernel: Sendable, Equatable {
    public let file: BootFile
    /// Where the kernel stands in the file.
    public let kernel: Range<Int>
    /// Where the initramfs stands in the file.
    public let initramfs: Range<Int>

    /// - Parameters:
    ///   - node: the segment of a node's own.
    ///   - alignment: of the places of kernel and initramfs in the file.
    /// - Throws: `BootPolicyError` where the system has no stub, or is larger than such a program can be.
    public init(
        of system: ServedSystem, commandLine: String, node: [UInt8]? = nil, alignment: Int = 1
    ) throws(BootPolicyError) {
        guard let stub = system.stub else {
            throw BootPolicyError(
                subject: system.manifest.system,
                message: "has no EFI stub\(system.boots.stubName.map { " '\($0)'" } ?? "") among its loaders",
                remedy: "name it in the platform's file and build the system again")
        }
        let manifest = system.manifest
        let release = "ID=bootferry\nNAME=Bootferry\nPRETTY_NAME=\"\(manifest.system)\"\n"
        let contents: [(name: String, extents: [BootFile.Extent])] = [
            (".osrel", [.literal(Array(release.utf8))]),
            (".uname", [.literal(Array(manifest.kernelRelease.utf8))]),
            (".cmdline", [.literal(Array(commandLine.utf8))]),
            (".linux", [.whole(manifest.kernel)]),
            (".initrd", BootFile.initramfs(of: manifest, node: node).extents),
        ]
        let sections = contents.map { content in
            UKI.Section(name: content.name, size: content.extents.reduce(0) { $0 + $1.length })
        }
        let layout: UKI.Layout
        do {
            layout = try UKI.layout(
                stub: stub.head, stubSize: stub.part.size, sections: sections, alignment: alignment)
        } catch {
            throw BootPolicyError(
                subject: manifest.system, message: "does not fit into one program for UEFI", cause: error.description,
                remedy: "'bootferry build --sizes' lists what its packages take")
        }
        var extents: [BootFile.Extent] = []
        var places: [Int: Range<Int>] = [:]
        var offset = 0
        for piece in layout.pieces {
            let added: [BootFile.Extent] =
                switch piece {
                case .literal(let bytes): [.literal(bytes)]
                case .zeros(let count): [.literal([UInt8](repeating: 0, count: count))]
                case .stub(let range): [.stored(path: stub.part.path, offset: range.lowerBound, length: range.count)]
                case .payload(let index): contents[index].extents
                }
            let length = added.reduce(0) { $0 + $1.length }
            if case .payload(let index) = piece { places[index] = offset..<offset + length }
            extents += added
            offset += length
        }
        file = BootFile(extents: extents, contentType: "application/efi")
        kernel = places[3] ?? 0..<0
        initramfs = places[4] ?? 0..<0
    }
}
