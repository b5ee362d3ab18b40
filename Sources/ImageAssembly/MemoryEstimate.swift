import Building
import SystemModel

/// How much RAM a boot of an image takes, and whether a node's initial tmpfs holds it.
///
/// The initial tmpfs takes at most half of the RAM that the kernel finds free when it mounts it, in bytes and in inodes
/// (`mm/shmem.c`); the compressed initramfs is not free yet then, nor is the kernel. Past that the kernel prints
/// "write error" and goes on with a truncated tree.
public struct MemoryEstimate: Sendable, Equatable {
    /// Bytes of the compressed initramfs, in RAM until all of it is unpacked.
    public var compressed: Int
    /// Bytes of files, in pages.
    public var unpacked: Int
    public var inodes: Int
    /// Inodes and names in the kernel's caches: about 1 KiB each (`struct shmem_inode_info`, `struct dentry`).
    public var metadata: Int { inodes * 1024 }
    /// The kernel and its modules, page tables (64 bytes a page), and what a booting system needs besides its files.
    public static let kernel = 80 << 20
    public static let running = 96 << 20

    public init(of manifest: ImageManifest) {
        compressed = manifest.initramfsSize
        unpacked = manifest.segments.reduce(0) { $0 + $1.summary.unpackedBytes }
        inodes = manifest.segments.reduce(0) { $0 + $1.summary.inodes }
    }

    /// The most that is taken at once: while the last segment is unpacked, or when the system runs.
    public var peak: Int { Self.kernel + metadata + unpacked + max(compressed, Self.running) }

    /// The smallest RAM in MiB that boots.
    public var needed: Int {
        let tmpfs = max(2 * (unpacked + metadata), 2 * inodes * 4096) + compressed + Self.kernel
        return (max(peak, tmpfs) + (1 << 20) - 1) >> 20
    }

    func check(memory: Int, system: String) throws(BuildError) {
        guard needed > memory else { return }
        func mebibytes(_ bytes: Int) -> String { "\((bytes + (1 << 20) - 1) >> 20)" }
        throw BuildError(
            kind: .usage, subject: system, message: "needs \(needed) MiB of RAM to boot, and its nodes have \(memory)",
            cause: """
                \(mebibytes(unpacked)) MiB of files and \(mebibytes(metadata)) MiB for \(inodes) inodes, twice, \
                because the initial tmpfs takes half of the RAM; \(mebibytes(compressed)) MiB of initramfs; \
                \(mebibytes(Self.kernel)) MiB of kernel
                """,
            remedy:
                "leave packages out (`bootferry build --sizes` lists them by size), or raise 'memory' where nodes have more"
        )
    }
}
