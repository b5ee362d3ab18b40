import Building
import ByteCoding
import Foundation
import OpenSSL
import StoreModel
import SystemModel
import SystemPackage

/// Sums of what U-Boot gets, read once, piece by piece; refused where the board's U-Boot or RAM cannot take it.
struct UBootSums {
    let request: BuildRequest
    let board: UBootImageRequest

    func image(of manifest: ImageManifest) throws -> UBootImage {
        let size = try Tree.text(request.physical(board.unpackedKernel)).trimmingCharacters(in: .whitespacesAndNewlines)
        guard let unpacked = Int(size), (1...Int(Int32.max)).contains(unpacked) else {
            throw BuildError(
                kind: .corrupt, subject: board.unpackedKernel, message: "expected a number of bytes, found '\(size)'")
        }
        let image = UBootImage(
            board: board.board, format: board.format, uBoot: board.uBoot, kernel: try summed(board.kernel),
            unpackedKernel: unpacked, deviceTree: try board.deviceTree.map(summed),
            initramfs: try initramfs(manifest.segments.map(\.part.path)))
        if let refusal = board.uBoot.refusal(
            of: image.sizes(initramfs: manifest.initramfsSize), as: board.format, memory: board.memory)
        {
            throw BuildError(
                kind: .usage, subject: manifest.system, message: "does not fit the board '\(board.board)'",
                cause: refusal,
                remedy:
                    "make the system smaller, or correct 'targets/boards/\(board.board).yaml' where the board can more")
        }
        return image
    }

    private func summed(_ path: String) throws -> UBootImage.SummedPart {
        var sums = Sums()
        let size = try sums.add(request.physical(path))
        return .init(part: .init(path: path, size: size), sha256: sums.sha256, crc32: sums.crc.value)
    }

    private func initramfs(_ segments: [String]) throws -> UBootImage.Initramfs {
        var sums = Sums()
        var before: UInt32 = 0
        for (index, segment) in segments.enumerated() {
            if index == segments.count - 1 {
                before = sums.crc.value
                sums.crc = CRC32()
            }
            let size = try sums.add(request.physical(segment))
            sums.add([UInt8](repeating: 0, count: -size & 3)[...])
        }
        return .init(sha256: sums.sha256, crc32BeforeLast: before, crc32OfLast: sums.crc.value)
    }

    /// Both sums of the same bytes.
    private struct Sums {
        let digest = SHA256()
        var crc = CRC32()

        var sha256: String { Hexadecimal.encode(digest.finalize()) }

        mutating func add(_ bytes: ArraySlice<UInt8>) {
            digest.update(bytes)
            crc.update(bytes)
        }

        /// Reads a file to its end; its bytes.
        mutating func add(_ path: FilePath) throws -> Int {
            let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
            defer { try? file.close() }
            var buffer = [UInt8](repeating: 0, count: 1 << 18)
            var size = 0
            while case let count = try buffer.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0 {
                add(buffer[..<count])
                size += count
            }
            return size
        }
    }
}
